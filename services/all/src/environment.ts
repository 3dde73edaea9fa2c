import { ConfigError, type Environment } from '@weft/kit/config';
import { type Listed, services } from './services.ts';

const OPS_PORT = '9464';

/** How a service is called in names of the environment. */
export const nameOf = (service: string): string => service.toUpperCase();

/** The services that TARGET names, separated by commas; all where it is not set. Throws a ConfigError. */
export function targeted(environment: Environment): readonly Listed[] {
  if (!environment.TARGET) return services;
  const wanted = environment.TARGET.split(',').map((name) => name.trim());
  const known = services.map(({ spec }) => spec.name);
  const wrong = wanted.filter((name) => !known.includes(name));
  if (wrong.length > 0) {
    const names = wrong.map((name) => JSON.stringify(name.slice(0, 80))).join(', ');
    throw new ConfigError([`TARGET names ${names}; the services are ${known.join(', ')}`]);
  }
  return services.filter(({ spec }) => wanted.includes(spec.name));
}

/**
 * What the process that runs these services has on a laptop where nothing else is set: a loopback port a service and one
 * for itself, targets that follow them, quiet logs. Throws a ConfigError.
 */
export function laptopEnvironment(environment: Environment, running: readonly Listed[]): Environment {
  const grpc = grpcPorts(environment);
  const opsPort = opsPortOf(environment, running);
  const others = listenerPorts(environment);
  assertDistinct([...grpc, ...others, ['OPS_PORT', opsPort]]);
  // The keys of access tokens are served by the process that runs users.
  const runsUsers = running.some(({ spec }) => spec.name === 'users');
  const keysPort = runsUsers ? opsPort : environment.USERS_OPS_PORT || OPS_PORT;
  return {
    LOG_LEVEL: 'warn',
    // One machine: more of them only take turns.
    DATABASE_CONNECTIONS: '5',
    // What is asked for now comes before what has been taken: with more of them, a process of all takes half as many orders.
    ...(running.length > 1 && { SAGA_CONCURRENCY: '16' }),
    LOG_FORMAT: process.stdout.isTTY ? 'pretty' : 'json',
    IDENTITY_JWKS_URL: `http://127.0.0.1:${keysPort}/.well-known/jwks.json`,
    ...Object.fromEntries([...grpc, ...others]),
    ...Object.fromEntries(grpc.map(([name, port]) => [name.replace('_GRPC_PORT', '_TARGET'), `127.0.0.1:${port}`])),
    ...Object.fromEntries(Object.entries(environment).filter(([, value]) => value)),
    OPS_PORT: opsPort,
  };
}

/**
 * The environments of a process a service. Each has an ops port of its own: ORDERS_OPS_PORT and so on, else from OPS_PORT
 * upwards in the order of the list. Throws a ConfigError.
 */
export function splitEnvironments(environment: Environment, running: readonly Listed[]): Environment[] {
  const first = environment.OPS_PORT || OPS_PORT;
  const ops = services.map(({ spec }, index): [string, string] => {
    const name = `${nameOf(spec.name)}_OPS_PORT`;
    return [name, environment[name] || (/^\d+$/.test(first) ? String(Number(first) + index) : first)];
  });
  assertDistinct([...grpcPorts(environment), ...listenerPorts(environment), ...ops]);
  return running.map((one) => laptopEnvironment({ ...environment, ...Object.fromEntries(ops) }, [one]));
}

/** By the name of its setting. */
type Ports = readonly (readonly [setting: string, port: string])[];

function grpcPorts(environment: Environment): Ports {
  return services.map(({ spec, port }) => {
    const name = `${nameOf(spec.name)}_GRPC_PORT`;
    return [name, environment[name] || String(port)];
  });
}

function listenerPorts(environment: Environment): Ports {
  return services.flatMap(({ spec, listeners = {} }) =>
    Object.entries(listeners).map(([listener, port]): [string, string] => {
      const name = `${nameOf(spec.name)}_${nameOf(listener)}_PORT`;
      return [name, environment[name] || String(port)];
    }),
  );
}

function opsPortOf(environment: Environment, running: readonly Listed[]): string {
  const [first] = running;
  if (!first || running.length === services.length) return environment.OPS_PORT || OPS_PORT;
  const otherwise = String(Number(OPS_PORT) + services.indexOf(first));
  return environment[`${nameOf(first.spec.name)}_OPS_PORT`] || environment.OPS_PORT || otherwise;
}

function assertDistinct(ports: Ports): void {
  const byPort = Map.groupBy(ports, ([, port]) => port);
  const problems = [...byPort].flatMap(([port, same]) =>
    same.length > 1 ? [`${same.map(([name]) => name).join(' and ')} are both ${port}`] : [],
  );
  if (problems.length > 0) throw new ConfigError(problems);
}
