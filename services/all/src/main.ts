import { resolve } from 'node:path';
import { main, startSystem } from '@weft/kit/module';
import { startBacking } from './backing.ts';
import { laptopEnvironment } from './environment.ts';
import { services } from './services.ts';
import { stopWithParent } from './stop-with-parent.ts';

await main(async () => {
  stopWithParent(process.env);
  const began = performance.now();
  const settings = laptopEnvironment(process.env);
  const dataFolder = resolve(process.env.WEFT_DATA || '.weft');
  const backing = await startBacking(dataFolder, process.env);
  const specs = services.map(({ spec }) => spec);
  const system = await startSystem(specs, { ...backing.environment, ...settings }).catch(async (error: unknown) => {
    await backing.stop();
    throw error;
  });
  const host = settings.GRPC_HOST || '127.0.0.1';
  const ports = Object.entries(system.ports).map(([name, port]) => `  ${name.padEnd(14)} ${host}:${port}`);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`Weft is ready after ${seconds} s: ${services.length} services, data in ${dataFolder}

${ports.join('\n')}
  ${'ops'.padEnd(14)} http://127.0.0.1:${system.opsPort}  (/readyz /livez /metrics)

Place an order and follow it:   npx weft demo
Look around with grpcurl:       grpcurl -plaintext 127.0.0.1:${system.ports.catalog} weft.catalog.v1.CatalogService/ListProducts
Stop with Ctrl-C; the data stays.
`);
  return {
    stopTimeout: system.stopTimeout,
    failed: backing.failed,
    async stop() {
      await system.stop();
      await backing.stop();
    },
  };
});
