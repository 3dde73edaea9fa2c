import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';

/** A process of a benchmark, spoken to by messages. */
export interface Child {
  readonly process: ChildProcess;
  ask<T>(message: unknown): Promise<T>;
  stop(): Promise<void>;
}

const pins = availableParallelism() > 1 && spawnSync('taskset', ['-p', String(process.pid)]).status === 0;

/** Keeps a process on that core alone, where the system can (taskset). */
export function onCore(core: number, pid: number | undefined): void {
  if (pins) spawnSync('taskset', ['-apc', String(core), String(pid)]);
}

/**
 * Starts a script and waits for its first message. It runs on the given core alone; what it writes to its standard output is
 * read and dropped.
 */
export async function child<T>(script: URL, args: readonly string[], core?: number): Promise<Child & { first: T }> {
  const started = fork(script, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  if (core !== undefined) onCore(core, started.pid);
  started.stdout?.resume();
  const gone = once(started, 'exit');
  const answer = async <A>(): Promise<A> => {
    const ended = gone.then(([code]) => {
      throw new Error(`${script.pathname} ${args[0]} ended with ${code}`);
    });
    const [message] = (await Promise.race([once(started, 'message'), ended])) as [A];
    return message;
  };
  const first = await answer<T>();
  return {
    process: started,
    first,
    ask<A>(message: unknown) {
      const answered = answer<A>();
      started.send(message as never);
      return answered;
    },
    async stop() {
      if (started.connected) started.disconnect();
      await gone;
    },
  };
}

/** What the work gives, and the microseconds of CPU that a process has used meanwhile, which tells of its usage when it is asked. */
export async function cpuDuring<T>(server: Child, work: () => Promise<T>): Promise<{ given: T; used: number }> {
  const before = await server.ask<NodeJS.CpuUsage>('usage');
  const given = await work();
  const after = await server.ask<NodeJS.CpuUsage>('usage');
  return { given, used: after.user + after.system - before.user - before.system };
}

/** A server that is measured, and the client that asks it. */
export interface Pair {
  readonly server: Child;
  readonly client: Child;
}

/** CPU microseconds a call of servers whose clients ask in turns: what slows the machine down for a while slows all of them. Stops them. */
export async function cpuInTurns<Name extends string>(
  pairs: Readonly<Record<Name, Pair>>,
  { turns, calls }: { readonly turns: number; readonly calls: number },
): Promise<Record<Name, number>> {
  const names = Object.keys(pairs) as Name[];
  const spent = Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
  for (let turn = 0; turn < turns; turn++) {
    for (const name of turn % 2 === 0 ? names : names.toReversed()) {
      const { server, client } = pairs[name];
      const { used } = await cpuDuring(server, () => client.ask(calls));
      spent[name] += used / calls / turns;
    }
  }
  for (const { client, server } of Object.values<Pair>(pairs)) {
    await client.stop();
    await server.stop();
  }
  return spent;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
