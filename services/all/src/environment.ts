import { ConfigError } from '@weft/kit/config';
import type { Environment } from './backing.ts';
import { services } from './services.ts';

const OPS_PORT = '9464';

/** What a laptop has where nothing else is set: a loopback port a service, targets that follow it, quiet logs. */
export function laptopEnvironment(environment: Environment): Environment {
  const ports = services.map(({ spec, port }): [string, string] => [
    spec.name.toUpperCase(),
    environment[`${spec.name.toUpperCase()}_GRPC_PORT`] || String(port),
  ]);
  assertDistinct([...ports, ['OPS', environment.OPS_PORT || OPS_PORT]]);
  return {
    LOG_LEVEL: 'warn',
    // One machine: more of them only take turns.
    DATABASE_CONNECTIONS: '5',
    LOG_FORMAT: process.stdout.isTTY ? 'pretty' : 'json',
    IDENTITY_JWKS_URL: `http://127.0.0.1:${environment.OPS_PORT || OPS_PORT}/.well-known/jwks.json`,
    ...Object.fromEntries(
      ports.flatMap(([name, port]) => [
        [`${name}_GRPC_PORT`, port],
        [`${name}_TARGET`, `127.0.0.1:${port}`],
      ]),
    ),
    ...Object.fromEntries(Object.entries(environment).filter(([, value]) => value)),
  };
}

function assertDistinct(ports: readonly [string, string][]): void {
  const byPort = Map.groupBy(ports, ([, port]) => port);
  const problems = [...byPort].flatMap(([port, names]) =>
    names.length > 1
      ? [`${names.map(([name]) => (name === 'OPS' ? 'OPS_PORT' : `${name}_GRPC_PORT`)).join(' and ')} are both ${port}`]
      : [],
  );
  if (problems.length > 0) throw new ConfigError(problems);
}
