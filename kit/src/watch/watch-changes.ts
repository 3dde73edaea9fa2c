/** What watchers are sent of an aggregate. */
export interface Change {
  readonly version: bigint;
  /** Nothing was under way after it. */
  readonly settled: boolean;
}

/** Tells when watched aggregates may have changed. */
export interface Wakeups {
  /**
   * Calls `wake` after each committed change of the aggregate, perhaps more often.
   * @param seen the version that the watcher has come to
   */
  watch(key: string, wake: () => void, seen: () => bigint | undefined): () => void;
}

/**
 * The changes of an aggregate after a version, each once and in order, until one leaves nothing under way or the signal fires.
 * Without a version it begins with the last change.
 * @param read changes after a version, oldest first; after undefined only the last one
 */
export async function* watchChanges<C extends Change>(
  read: (after: bigint | undefined) => Promise<readonly C[]>,
  wakeups: Wakeups,
  key: string,
  after: bigint | undefined,
  signal: AbortSignal,
): AsyncGenerator<C> {
  let wake = () => {};
  let awake = true;
  let seen = after;
  const noteWake = () => {
    awake = true;
    wake();
  };
  const unwatch = wakeups.watch(key, noteWake, () => seen);
  signal.addEventListener('abort', () => wake(), { once: true });
  try {
    while (!signal.aborted) {
      awake = false;
      const changes = await read(seen);
      for (const change of changes) {
        seen = change.version;
        yield change;
      }
      const last = changes.at(-1);
      if (last?.settled) return;
      // A resumed watch that has seen everything of what is settled has nothing to wait for.
      if (!last && seen !== undefined && (await read(undefined))[0]?.settled && !awake) return;
      if (!awake && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    unwatch();
  }
}
