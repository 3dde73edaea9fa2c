import { enableCompileCache } from 'node:module';
import { join, resolve } from 'node:path';
import { ConfigError, type Environment } from '@weft/kit/config';
import { main, readSettings } from '@weft/kit/module';
import { startBacking } from './backing.ts';
import { firstSteps, portLine, printBanner } from './banner.ts';
import { nameOf, splitEnvironments, targeted } from './environment.ts';
import { type Listed, services } from './services.ts';
import { stopWithParent } from './stop-with-parent.ts';
import { type Supervised, supervise } from './supervisor.ts';

/** Of the time to stop, what PostgreSQL has once the services are gone; and what a service has to end after its own limit. */
const POSTGRES_STOP_MS = 1000;
const LAST_MOMENT_MS = 200;

const tell = (line: string) => void process.stderr.write(`${line}\n`);

await main(async () => {
  stopWithParent(process.env);
  const began = performance.now();
  const running = targeted(process.env);
  const environments = splitEnvironments(process.env, running);
  const dataFolder = resolve(process.env.WEFT_DATA || '.weft');
  const names = running.flatMap(({ spec }) => (spec.migrations ? [spec.name] : []));
  const backing = await startBacking(names, dataFolder, process.env);
  try {
    const stopTimeout = stopTimeoutOf(
      running,
      environments.map((one) => ({ ...backing.environment, ...one })),
    );
    const servicesStop = Math.max(500, stopTimeout - POSTGRES_STOP_MS);
    const supervisor = await supervise(
      running.map(
        ({ spec }, index): Supervised => ({
          name: spec.name,
          entry: join(import.meta.dirname, `../../${spec.name}/src/main.ts`),
          environment: {
            ...backing.environment,
            ...environments[index],
            // Each reads the same files: what one has compiled the others need not, at the next start either.
            NODE_COMPILE_CACHE: enableCompileCache().directory,
            STOP_TIMEOUT_MS: String(servicesStop - LAST_MOMENT_MS),
          },
        }),
      ),
      tell,
    );
    printBanner({
      began,
      services: running.length,
      how: ', a process each',
      dataFolder,
      ports: running.flatMap(({ spec, listeners = {} }, index) => {
        const environment = environments[index] ?? {};
        const { [`${nameOf(spec.name)}_GRPC_PORT`]: port, GRPC_HOST: host, OPS_PORT: ops } = environment;
        const others = Object.keys(listeners).map((listener) =>
          portLine(
            spec.name,
            `${listener}://${host || '127.0.0.1'}:${environment[`${nameOf(spec.name)}_${nameOf(listener)}_PORT`]}`,
          ),
        );
        return [portLine(spec.name, `${host || '127.0.0.1'}:${port}`, `  ops http://127.0.0.1:${ops}`), ...others];
      }),
      hints: running.length === services.length ? firstSteps(`127.0.0.1:${environments[0]?.CATALOG_GRPC_PORT}`) : [],
    });
    return {
      stopTimeout,
      failed: Promise.race([backing.failed, supervisor.failed]),
      async stop() {
        await supervisor.stop(servicesStop);
        await backing.stop();
      },
    };
  } catch (error) {
    await backing.stop();
    throw error;
  }
});

/** Reads all settings before anything is started: throws a ConfigError that names every wrong one at once. */
function stopTimeoutOf(running: readonly Listed[], environments: readonly Environment[]): number {
  const problems = new Set<string>();
  let stopTimeout = 0;
  for (const [index, { spec }] of running.entries()) {
    try {
      ({ stopTimeout } = readSettings([spec], environments[index] ?? {}).config);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const problem of error.problems) problems.add(problem);
    }
  }
  if (problems.size > 0) throw new ConfigError([...problems]);
  return stopTimeout;
}
