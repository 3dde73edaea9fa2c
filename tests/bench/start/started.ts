import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** One start of a process. Milliseconds from its fork. */
export interface Start {
  /** Until its port takes a connection. */
  readonly listening: number;
  /** Until it says that it is ready. */
  readonly ready: number;
  /** CPU that all its threads have used until then. */
  readonly cpu: number;
}

export interface Started extends Start {
  /** Resident memory, in megabytes. */
  memory(): number;
  stop(): Promise<void>;
}

export interface Program {
  readonly main: string;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly port: number;
}

const LOOK_MS = 2;
const START_MS = 60_000;

/** Starts a program and waits until it is ready. */
export async function start({ main, env, port }: Program): Promise<Started> {
  const began = performance.now();
  const process = fork(main, { env: { ...env }, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const since = () => performance.now() - began;
  let errors = '';
  process.stderr?.on('data', (chunk) => {
    errors = `${errors}${chunk}`.slice(-4_000);
  });
  const exit = once(process, 'exit');
  const ended = exit.then(([code]) => {
    throw new Error(`${main} ended with ${code}: ${errors}`);
  });
  ended.catch(() => undefined);
  const ready = once(process, 'message').then(() => ({ ready: since(), cpu: cpuOf(process) }));
  const [listening, figures] = await Promise.race([Promise.all([listens(port).then(since), ready]), ended]);
  return {
    listening,
    ...figures,
    memory: () => residentOf(process),
    async stop() {
      process.kill('SIGTERM');
      await exit;
    },
  };
}

/** Milliseconds that a program takes which ends by itself. */
export async function runOnce(args: readonly string[]): Promise<number> {
  const began = performance.now();
  await once(spawn(process.execPath, args, { stdio: 'ignore' }), 'exit');
  return performance.now() - began;
}

async function listens(port: number): Promise<void> {
  for (const end = performance.now() + START_MS; performance.now() < end; await delay(LOOK_MS)) {
    if (await takes(port)) return;
  }
  throw new Error(`nobody listens at ${port}`);
}

function takes(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const tell = (does: boolean) => {
      socket.destroy();
      resolve(does);
    };
    socket.once('connect', () => tell(true)).once('error', () => tell(false));
  });
}

/** Linux alone tells of other processes: elsewhere it is NaN. */
function cpuOf({ pid }: ChildProcess): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const used = threads.map((id) => Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]));
    return used.reduce((sum, one) => sum + one, 0) / 1e6;
  } catch {
    return Number.NaN;
  }
}

function residentOf({ pid }: ChildProcess): number {
  try {
    return Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1.024e-3;
  } catch {
    return Number.NaN;
  }
}
