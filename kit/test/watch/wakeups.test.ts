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
    for (const key of ['a', 'b']) wakeups.watch(key, () => woken.push(key));
    announce(['b', 'c']);
    expect(woken).toEqual(['b']);
    expect(asked).toEqual([]);
    await wakeups.stop();
  });

  it.each([true, false])(
    'wake those whose version is another when it is not told whose changed (events by key: %s)',
    async (eventsByKey) => {
      const { wakeups, versions, asked, announce } = open(eventsByKey);
      const woken: string[] = [];
      for (let count = 0; count < 1200; count++) {
        versions.set(`k${count}`, 1n);
        wakeups.watch(`k${count}`, () => woken.push(`k${count}`));
      }
      announce('all');
      await eventually(async () => expect(woken).toHaveLength(1200));
      woken.length = 0;
      asked.length = 0;
      versions.set('k700', 2n);
      announce('all');
      await eventually(async () => expect(asked.flat()).toHaveLength(1200));
      expect(woken).toEqual(['k700']);
      expect(Math.max(...asked.map((keys) => keys.length))).toBeLessThanOrEqual(500);
      await wakeups.stop();
    },
  );
});
