import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** One start of a process. Milliseconds from its fork. */
export interface Start {
  /** Until its port takes a connection; undefined where it has none, which ends by itself. */
  readonly listening: number;
  /** Until it says that it is ready, or has ended. */
  readonly ready: number;
  /** CPU that all its threads have used until then. */
  readonly cpu: number;
  /** Resident memory at rest, in megabytes. */
  readonly rest: number;
}

export interface Program {
  readonly main: string;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where it listens; left out for what ends by itself. */
  readonly port?: number;
}

const LOOK_MS = 2;
const START_MS = 60_000;

/** Starts a program, waits until it is ready, then until it has been at rest for a while, and stops it. */
export async function startOnce({ main, args = [], env, port }: Program, restMs: number): Promise<Start> {
  const began = performance.now();
  const process = fork(main, args, { env: { ...env }, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const since = () => performance.now() - began;
  let errors = '';
  process.stderr?.on('data', (chunk) => {
    errors = `${errors}${chunk}`.slice(-4_000);
  });
  const exit = once(process, 'exit');
  if (port === undefined) {
    await exit;
    return { listening: since(), ready: since(), cpu: 0, rest: 0 };
  }
  const ended = exit.then(([code]) => {
    throw new Error(`${main} ended with ${code}: ${errors}`);
  });
  ended.catch(() => undefined);
  const listening = listens(port).then(since);
  const ready = once(process, 'message').then(() => ({ ready: since(), cpu: cpuOf(process) }));
  const found = await Promise.race([Promise.all([listening, ready]), ended]);
  await Promise.race([delay(restMs), ended]);
  const rest = residentOf(process);
  process.kill('SIGTERM');
  await exit;
  return { listening: found[0], ...found[1], rest };
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
