import { resolve } from 'node:path';
import { main, startSystem } from '@weft/kit/module';
import { joinBacking, startBacking } from './backing.ts';
import { firstSteps, portLine, printBanner } from './banner.ts';
import { laptopEnvironment, targeted } from './environment.ts';
import { services } from './services.ts';
import { stopWithParent } from './stop-with-parent.ts';

await main(async () => {
  stopWithParent(process.env);
  const began = performance.now();
  const running = targeted(process.env);
  const whole = running.length === services.length;
  const settings = laptopEnvironment(process.env, running);
  const dataFolder = resolve(process.env.WEFT_DATA || '.weft');
  const specs = running.map(({ spec }) => spec);
  const names = specs.flatMap(({ name, migrations }) => (migrations ? [name] : []));
  const backing = await (whole ? startBacking : joinBacking)(names, dataFolder, process.env);
  const system = await startSystem(specs, { ...backing.environment, ...settings }).catch(async (error: unknown) => {
    await backing.stop();
    throw error;
  });
  const host = settings.GRPC_HOST || '127.0.0.1';
  printBanner({
    began,
    services: specs.length,
    how: '',
    dataFolder,
    ports: [
      ...Object.entries(system.ports).map(([name, port]) => portLine(name, `${host}:${port}`)),
      ...Object.entries(system.listeners).flatMap(([name, ports]) =>
        Object.entries(ports).map(([listener, port]) => portLine(name, `${listener}://${host}:${port}`)),
      ),
      portLine('ops', `http://127.0.0.1:${system.opsPort}`, '  (/readyz /livez /metrics)'),
    ],
    hints: whole ? firstSteps(`127.0.0.1:${system.ports.catalog}`) : [],
  });
  return {
    stopTimeout: system.stopTimeout,
    failed: backing.failed,
    async stop() {
      await system.stop();
      await backing.stop();
    },
  };
});
