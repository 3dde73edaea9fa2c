import { describe, expect, it } from '@jest/globals';
import type { Changes, Database } from '@weft/kit/store';
import { eventually } from '@weft/kit/testing';
import { changeWakeups } from '@weft/kit/watch';

/** Wakeups of aggregates at the versions that the test sets, with the changes that it announces. */
function open(eventsByKey: boolean) {
  const versions = new Map<string, bigint>();
  const asked: (readonly string[])[] = [];
  let announce: (changes: Changes) => void = () => {};
  const database = {
    onChange(listener: (changes: Changes) => void) {
      announce = listener;
      return () => {};
    },
  } as Partial<Database<unknown>> as Database<unknown>;
  const wakeups = changeWakeups(database, {
    eventsByKey,
    async versions(keys) {
      asked.push(keys);
      return new Map(keys.flatMap((key) => (versions.has(key) ? [[key, versions.get(key) as bigint]] : [])));
    },
  });
  void wakeups.start();
  return { wakeups, versions, asked, announce: (changes: Changes) => announce(changes) };
}

describe('wakeups', () => {
  it('wake who watches an aggregate of which a change is told, and nobody else', async () => {
    const { wakeups, asked, announce } = open(true);
    const woken: string[] = [];
    const watch = (key: string) =>
      wakeups.watch(
        key,
        () => woken.push(key),
        () => 1n,
      );
    watch('a');
    const unwatch = watch('b');
    watch('b');
    announce(['b', 'c']);
    expect(woken).toEqual(['b', 'b']);
    unwatch();
    announce(['b']);
    expect(woken).toEqual(['b', 'b', 'b']);
    expect(asked).toEqual([]);
    await wakeups.stop();
  });

  it.each([true, false])(
    'wake who has not come to the version, where it is not told whose changed (events by key: %s)',
    async (eventsByKey) => {
      const { wakeups, versions, asked, announce } = open(eventsByKey);
      const woken: string[] = [];
      for (let count = 0; count < 1200; count++) {
        const key = `k${count}`;
        versions.set(key, count === 700 ? 2n : 1n);
        wakeups.watch(
          key,
          () => woken.push(key),
          () => (count === 800 ? undefined : 1n),
        );
      }
      announce('all');
      await eventually(() => asked.flat().length === 1200);
      expect(woken).toEqual(['k700', 'k800']);
      expect(Math.max(...asked.map((keys) => keys.length))).toBe(500);
      await wakeups.stop();
    },
  );
});
