import type { ConfigOf, Setting, Settings } from './setting.ts';

/** Every setting that is wrong, at once. Shows values only of settings that are no secrets. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`wrong settings: ${problems.join('; ')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

interface Wanted {
  /** Service whose prefix goes before the plain name: ORDERS_GRPC_PORT before GRPC_PORT. Empty for the process's own. */
  readonly service: string;
  readonly settings: Settings;
}

/** Reads the settings of one service. Throws a ConfigError that names every wrong one. */
export function loadConfig<S extends Settings>(service: string, settings: S, environment: Environment): ConfigOf<S> {
  const [config] = loadConfigs([{ service, settings }], environment);
  return config as ConfigOf<S>;
}

/** Reads the settings of several services, so that all their errors are named at once. */
export function loadConfigs(wanted: readonly Wanted[], environment: Environment): Readonly<Record<string, unknown>>[] {
  const problems = new Set<string>();
  const configs = wanted.map(({ service, settings }) => {
    const entries = Object.entries(settings).map(([key, one]) => [key, read(service, one, environment, problems)]);
    return Object.freeze(Object.fromEntries(entries)) as Readonly<Record<string, unknown>>;
  });
  if (problems.size > 0) throw new ConfigError([...problems]);
  return configs;
}

function read(service: string, wanted: Setting<unknown>, environment: Environment, problems: Set<string>): unknown {
  const prefixed = service === '' ? wanted.name : `${service.toUpperCase()}_${wanted.name}`;
  const name = environment[prefixed] ? prefixed : wanted.name;
  const text = environment[name];
  if (text === undefined || text === '') {
    if (wanted.fallback === undefined) problems.add(`${prefixed} is required`);
    return wanted.fallback;
  }
  try {
    return wanted.parse(text);
  } catch (error) {
    const shown = wanted.secret ? '' : ` (it is ${JSON.stringify(text.slice(0, 80))})`;
    problems.add(`${name} ${(error as Error).message}${shown}`);
    return undefined;
  }
}
