import { type AnyService, type System, startSystem } from '../module/index.ts';
import { settle } from './settle.ts';
import { openStage, type Stage, type StageOptions } from './stage.ts';

export interface Booted extends Stage {
  readonly system: System;
  /** Parsed log lines so far. */
  readonly logs: Record<string, unknown>[];
  /** Waits until nothing moves: outboxes empty, consumers idle, sagas ended. */
  settle(withinMs: number): Promise<void>;
  /** Stops the services and starts them again on the same databases and ports. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Runs services as they are, with real databases, a real bus and real gRPC over loopback, on fresh databases and free ports. */
export async function boot(specs: readonly AnyService[], options: StageOptions = {}): Promise<Booted> {
  const names = specs.map(({ name }) => name);
  const { stage, environment, reconnected, closeClients, drop } = await openStage([names], options);
  const logs: Record<string, unknown>[] = [];
  const log = (line: string) => void logs.push(JSON.parse(line) as Record<string, unknown>);
  const start = () => startSystem(specs, environment(names[0] ?? ''), { log });
  let system = await start().catch(async (error: unknown) => {
    await drop();
    throw error;
  });
  return {
    ...stage,
    get system() {
      return system;
    },
    logs,
    settle: (withinMs) => settle(() => system.pending(), withinMs),
    async restart() {
      await system.stop();
      system = await start();
      await reconnected();
    },
    async stop() {
      closeClients();
      await system.stop();
      await drop();
    },
  };
}
