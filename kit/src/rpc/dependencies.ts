import type { Logger } from '../telemetry/index.ts';

/** Throws when a dependency cannot do its work. Bounded in time by itself. */
export type HealthCheck = () => Promise<void>;

/** What a service looks at to be well. */
export type Dependency =
  | HealthCheck
  /** It goes on without: a failure is shown, and takes no readiness. */
  | { readonly check: HealthCheck; readonly optional: true };

export interface Dependencies {
  /** Looks at once, and then every second. */
  start(): Promise<void>;
  stop(): void;
  /** 'ok' or why not, by the dependency's name. */
  state(): Readonly<Record<string, string>>;
}

const INTERVAL_MS = 1000;

/** @param looked is told after each look whether all that is needed is well */
export function watchDependencies(
  checks: Readonly<Record<string, Dependency>>,
  logger: Logger,
  looked: (well: boolean) => void,
): Dependencies {
  let state: Readonly<Record<string, string>> = {};
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async () => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, dependency]) => {
        const { check, optional } =
          typeof dependency === 'function' ? { check: dependency, optional: false } : dependency;
        try {
          await check();
          return { name, result: 'ok', well: true };
        } catch (error) {
          if (state[name] === 'ok') logger.warn({ dependency: name, err: error }, 'dependency failed');
          return { name, result: error instanceof Error ? error.name : 'failed', well: optional };
        }
      }),
    );
    if (stopped) return;
    state = Object.fromEntries(results.map(({ name, result }) => [name, result]));
    looked(results.every(({ well }) => well));
    timer = setTimeout(() => void look(), INTERVAL_MS);
    timer.unref();
  };
  return {
    start: look,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
    state: () => state,
  };
}
