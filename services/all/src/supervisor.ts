import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Environment } from '@weft/kit/config';
import { READY } from '@weft/kit/module';

export interface Supervised {
  readonly name: string;
  /** The file that it runs. */
  readonly entry: string;
  readonly environment: Environment;
}

export interface Supervisor {
  /** Resolves with the reason when one of them ends again and again. */
  readonly failed: Promise<Error>;
  /** Asks all of them to stop at once; those that have not within `withinMs` are killed. */
  stop(withinMs: number): Promise<void>;
}

/** One that ends more often than this within a minute is not started any more. */
const MOST_RESTARTS = 5;
const RESTARTS_WITHIN_MS = 60_000;
const FIRST_PAUSE_MS = 100;
/** Longer than the longest wait of a start, which is that for another process's migrations. */
const START_LIMIT_MS = 90_000;
const START_FAILED_STOP_MS = 3_000;

/**
 * Starts processes and keeps them running: one that dies is started again, within a bound. They are told to stop, or end with
 * this process, however that ends; a terminal's Ctrl-C does not reach them. Resolves when all are ready. When one of them
 * cannot start, the others are stopped, and the reason that it gave is thrown.
 */
export async function supervise(processes: readonly Supervised[], tell: (line: string) => void): Promise<Supervisor> {
  const failed = Promise.withResolvers<Error>();
  const children = processes.map((one) => keepRunning(one, { tell, giveUp: failed.resolve }));
  const stop = async (withinMs: number) => {
    await Promise.all(children.map((child) => child.stop(withinMs)));
  };
  try {
    await Promise.all(children.map((child) => child.ready));
  } catch (error) {
    await stop(START_FAILED_STOP_MS);
    throw error;
  }
  return { failed: failed.promise, stop };
}

interface Kept {
  /** Rejects when the first start fails. */
  readonly ready: Promise<void>;
  stop(withinMs: number): Promise<void>;
}

function keepRunning(
  supervised: Supervised,
  { tell, giveUp }: { tell: (line: string) => void; giveUp: (reason: Error) => void },
): Kept {
  const { name } = supervised;
  const ready = Promise.withResolvers<void>();
  const deaths: number[] = [];
  let wasReady = false;
  let stopping = false;
  let child: Started | undefined;
  let pause: NodeJS.Timeout | undefined;

  const run = () => {
    child = launch(supervised, tell);
    void child.ready.then(() => {
      wasReady = true;
      ready.resolve();
    });
    void child.ended.then((reason) => {
      if (stopping) return;
      if (!wasReady) return ready.reject(new Error(`${name}: ${reason}`));
      const now = performance.now();
      deaths.push(now);
      while (now - (deaths[0] ?? now) > RESTARTS_WITHIN_MS) deaths.shift();
      if (deaths.length > MOST_RESTARTS) {
        return giveUp(new Error(`${name} ended ${deaths.length} times within a minute, the last time with: ${reason}`));
      }
      tell(`weft: ${name} ended (${reason}) and is started again`);
      pause = setTimeout(run, FIRST_PAUSE_MS * 2 ** (deaths.length - 1));
    });
  };
  run();
  return {
    ready: ready.promise,
    async stop(withinMs) {
      stopping = true;
      clearTimeout(pause);
      await child?.stop(withinMs);
    },
  };
}

interface Started {
  readonly ready: Promise<void>;
  /** Resolves with the reason. */
  readonly ended: Promise<string>;
  stop(withinMs: number): Promise<void>;
}

function launch({ entry, environment }: Supervised, tell: (line: string) => void): Started {
  const child = fork(entry, { env: { ...environment }, detached: true, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
  let started = false;
  let reason = '';
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      // What it says of a start that failed is told with its name, once.
      if (!started && line.startsWith('weft: ')) reason = line.slice('weft: '.length);
      else tell(line);
    });
  }
  const limit = setTimeout(() => {
    reason = `not ready after ${START_LIMIT_MS / 1000} s`;
    child.kill('SIGKILL');
  }, START_LIMIT_MS);
  const ready = new Promise<void>((resolve) => {
    child.on('message', (message) => {
      if (message !== READY) return;
      started = true;
      clearTimeout(limit);
      resolve();
    });
  });
  const ended = endOf(child).then((how) => {
    clearTimeout(limit);
    return reason || how;
  });
  return {
    ready,
    ended,
    async stop(withinMs) {
      if (!isRunning(child)) return;
      child.kill('SIGTERM');
      const cut = setTimeout(() => child.kill('SIGKILL'), withinMs);
      await ended;
      clearTimeout(cut);
    },
  };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null && child.pid !== undefined;
}

/** Not before everything that it has written was read. */
async function endOf(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = await once(child, 'close');
    return signal ? `killed by ${signal}` : `exit code ${code}`;
  } catch (error) {
    return (error as Error).message;
  }
}
