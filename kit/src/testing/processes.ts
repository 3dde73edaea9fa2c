import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { READY } from '../module/index.ts';
import { settle } from './settle.ts';
import { openStage, type Stage, type StageOptions } from './stage.ts';

/** A process of one service or several. */
export interface ProcessSpec {
  readonly services: readonly string[];
  /** The file that it runs. */
  readonly main: string;
}

export interface BootedProcesses extends Stage {
  /** Parsed log lines so far, and other lines as `{ text }`. */
  readonly logs: Record<string, unknown>[];
  /** Waits until nothing moves in any process: outboxes empty, consumers idle, sagas ended. */
  settle(withinMs: number): Promise<void>;
  /** Kills the process that runs a service, as kill -9 does. */
  kill(service: string): Promise<void>;
  runs(service: string): boolean;
  /**
   * Starts the process that runs a service again, which has ended, to fail at those of the points that it comes by first (such as
   * `checkout.ended:exit`): it may have done so when this resolves.
   */
  start(service: string, ...failPoints: readonly string[]): Promise<void>;
  /**
   * Starts one more process of what runs a service, from the file that it runs now, which shares its databases and its consumers. Who calls the
   * service does not find it.
   */
  startBeside(service: string): Promise<Another>;
  /** The fail point at which the process that runs a service has ended; undefined where it runs, or has ended otherwise. */
  failedAt(service: string): Promise<string | undefined>;
  /** Resolves when the clients have found again what has been started again. */
  reconnected(): Promise<void>;
  stop(): Promise<void>;
}

/** A process beside the one that is called. */
export interface Another {
  /** http://host:port of its ops port. */
  readonly ops: string;
  kill(): Promise<void>;
}

const STOP_MS = 6000;
const INHERITED = {
  PATH: process.env.PATH,
  NODE_ENV: 'test',
  NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
};

/** As `boot`, but in processes of their own, which a test may kill. They end with the test. */
export async function bootProcesses(
  specs: readonly ProcessSpec[],
  options: StageOptions = {},
): Promise<BootedProcesses> {
  const opened = await openStage(
    specs.map(({ services }) => services),
    options,
  );
  const { stage, reconnected, closeClients, drop } = opened;
  const logs: Record<string, unknown>[] = [];
  const running = new Map<ProcessSpec, Running>();
  const others = new Set<Running>();
  const specOf = (service: string) => specs.find(({ services }) => services.includes(service)) as ProcessSpec;
  const start = async (spec: ProcessSpec, env: Readonly<Record<string, string>> = {}) => {
    const environment = { ...INHERITED, ...opened.environment(spec.services[0] ?? '') };
    running.set(spec, await launch(spec.main, { ...environment, ...env }, logs));
  };
  const runs = (spec: ProcessSpec) => {
    const child = running.get(spec)?.child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  };
  const startBeside = async (spec: ProcessSpec): Promise<Another> => {
    const { environment, ops } = await opened.beside(spec.services);
    const other = await launch(spec.main, { ...INHERITED, ...environment }, logs);
    others.add(other);
    const kill = async () => {
      other.child.kill('SIGKILL');
      await other.closed;
      others.delete(other);
    };
    return { ops, kill };
  };
  const ended = async (spec: ProcessSpec) => void (await running.get(spec)?.closed);
  const stop = async () => {
    closeClients();
    await Promise.all(
      [...running.values(), ...others].map(async ({ child, closed }) => {
        child.kill('SIGTERM');
        const cut = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
        await closed;
        clearTimeout(cut);
      }),
    );
    await drop();
  };
  const pending = async () => {
    const found = await Promise.all(specs.map(({ services }) => pendingAt(stage.ops(services[0] ?? ''))));
    return Object.assign({}, ...found) as Record<string, number>;
  };
  try {
    await Promise.all(specs.map((spec) => start(spec)));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...stage,
    logs,
    settle: (withinMs) => settle(pending, withinMs),
    async kill(service) {
      running.get(specOf(service))?.child.kill('SIGKILL');
      await ended(specOf(service));
    },
    runs: (service) => runs(specOf(service)),
    start: (service, ...failPoints) =>
      start(specOf(service), failPoints.length === 0 ? {} : { WEFT_FAIL_POINT: failPoints.join(',') }),
    startBeside: (service) => startBeside(specOf(service)),
    async failedAt(service) {
      const spec = specOf(service);
      if (runs(spec)) return undefined;
      await ended(spec);
      return running.get(spec)?.failedAt();
    },
    reconnected,
    stop,
  };
}

async function pendingAt(ops: string): Promise<Record<string, number>> {
  const response = await fetch(`${ops}/pending`, { signal: AbortSignal.timeout(2000) });
  if (!response.ok) throw new Error(`${ops}/pending answers ${response.status}`);
  return (await response.json()) as Record<string, number>;
}

interface Running {
  readonly child: ChildProcess;
  /** Resolves when it has ended and all that it wrote is read. */
  readonly closed: Promise<unknown>;
  failedAt(): string | undefined;
}

/** Resolves when it is ready, or has come by a fail point; throws with what it wrote when it ends otherwise. */
async function launch(
  main: string,
  env: Readonly<Record<string, string | undefined>>,
  logs: Record<string, unknown>[],
): Promise<Running> {
  const child = fork(main, { env: { ...env }, execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let errors = '';
  let failPoint: string | undefined;
  child.stderr?.on('data', (chunk) => {
    errors += String(chunk);
  });
  if (child.stdout)
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = parsed(text);
      if (typeof line.failPoint === 'string') failPoint = line.failPoint;
      logs.push(line);
    });
  const closed = once(child, 'close');
  const failed = closed.then(([code]) => {
    if (failPoint === undefined) throw new Error(`${main} ended with ${code}: ${errors}`);
  });
  failed.catch(() => {});
  const ready = once(child, 'message').then(([message]) => {
    if (message !== READY) throw new Error(`${main} said ${String(message)}`);
  });
  await Promise.race([ready, failed]);
  return { child, closed, failedAt: () => failPoint };
}

function parsed(line: string): Record<string, unknown> {
  return line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : { text: line };
}
