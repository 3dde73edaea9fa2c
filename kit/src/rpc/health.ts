import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { Logger } from '../telemetry/index.ts';

/** Throws when a dependency cannot do its work. Bounded in time by itself. */
export type HealthCheck = () => Promise<void>;

export interface HealthState {
  readonly serving: boolean;
  /** 'ok' or why not, by the dependency's name. */
  readonly dependencies: Readonly<Record<string, string>>;
}

export interface Health {
  addTo(server: Server): void;
  /** Begins to serve, and to check the dependencies every second. */
  start(): Promise<void>;
  /** Says NOT_SERVING from now on. */
  stop(): void;
  state(): HealthState;
}

const INTERVAL_MS = 1000;

/** gRPC health of a server and its services: SERVING only while every dependency is well. Source: grpc.health.v1. */
export function createHealth(
  services: readonly string[],
  checks: Readonly<Record<string, HealthCheck>>,
  logger: Logger,
): Health {
  const names = ['', ...services];
  const implementation = new HealthImplementation(Object.fromEntries(names.map((name) => [name, 'NOT_SERVING'])));
  let dependencies: Record<string, string> = {};
  let serving = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  const become = (now: boolean) => {
    if (now !== serving) for (const name of names) implementation.setStatus(name, now ? 'SERVING' : 'NOT_SERVING');
    serving = now;
  };
  const check = async () => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, run]): Promise<[string, string]> => {
        try {
          await run();
          return [name, 'ok'];
        } catch (error) {
          if (dependencies[name] === 'ok') logger.warn({ dependency: name, err: error }, 'dependency failed');
          return [name, error instanceof Error ? error.name : 'failed'];
        }
      }),
    );
    if (stopped) return;
    dependencies = Object.fromEntries(results);
    become(results.every(([, result]) => result === 'ok'));
    timer = setTimeout(() => void check(), INTERVAL_MS);
    timer.unref();
  };
  return {
    addTo: (server) => implementation.addToServer(server),
    start: check,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      become(false);
    },
    state: () => ({ serving, dependencies }),
  };
}
