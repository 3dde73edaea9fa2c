import { periodic, type Worker } from '../module/index.ts';
import type { Database } from '../store/index.ts';
import type { Wakeups } from './watch-changes.ts';

const POLL_MS = 5000;
const GATHER_MS = 50;
/** Keys of one query: what else the process does comes in between. */
const AT_ONCE = 500;

interface Watcher {
  readonly wake: () => void;
  readonly seen: () => bigint | undefined;
}

export interface WakeupOptions {
  /** Of those aggregates, the ones that exist. */
  readonly versions: (keys: readonly string[]) => Promise<ReadonlyMap<string, bigint>>;
  /** Its events carry the aggregate's own key. Otherwise any change has the versions of what is watched looked at. */
  readonly eventsByKey: boolean;
}

/**
 * Wakes watchers when any process has committed a change of their aggregate. What a lost notification would hide is found by
 * a look at the versions of all watched aggregates every five seconds.
 */
export function changeWakeups<S>(
  database: Database<S>,
  { versions, eventsByKey }: WakeupOptions,
): Wakeups & Required<Pick<Worker, 'start' | 'stop'>> {
  const watched = new Map<string, Set<Watcher>>();
  const wake = (key: string) => {
    for (const watcher of watched.get(key) ?? []) watcher.wake();
  };
  let unsubscribe = () => {};
  let gathering: NodeJS.Timeout | undefined;
  let stopped = false;

  const lookAt = async (keys: readonly string[]) => {
    for (const [key, version] of await versions(keys))
      for (const watcher of watched.get(key) ?? []) if ((watcher.seen() ?? -1n) < version) watcher.wake();
  };
  const look = async () => {
    const keys = [...watched.keys()];
    for (let from = 0; from < keys.length && !stopped; from += AT_ONCE) await lookAt(keys.slice(from, from + AT_ONCE));
  };
  // A failed look is made up for by the next.
  const poll = periodic(POLL_MS, look, () => {});
  const lookSoon = () => {
    if (watched.size === 0 || stopped) return;
    gathering ??= setTimeout(() => {
      gathering = undefined;
      poll.wake();
    }, GATHER_MS);
  };
  return {
    watch(key, wake, seen) {
      const watcher = { wake, seen };
      const watchers = watched.get(key) ?? new Set();
      watched.set(key, watchers.add(watcher));
      return () => {
        watchers.delete(watcher);
        if (watchers.size === 0) watched.delete(key);
      };
    },
    start() {
      unsubscribe = database.onChange((changes) => {
        if (!eventsByKey || changes === 'all') lookSoon();
        else for (const key of changes) wake(key);
      });
      void poll.start();
    },
    async stop() {
      stopped = true;
      unsubscribe();
      clearTimeout(gathering);
      await poll.stop();
    },
  };
}
