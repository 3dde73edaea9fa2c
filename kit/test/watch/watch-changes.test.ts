import { describe, expect, it } from '@jest/globals';
import { type Change, watchChanges } from '@weft/kit/watch';

const change = (version: bigint, settled = false): Change => ({ version, settled });

/** An aggregate whose changes the test adds, and those who watch it. */
class Watched {
  readonly changes: Change[] = [change(1n)];
  readonly wakes = new Set<() => void>();
  /** Called between the read and its answer. */
  whileReading = () => {};
  reads = 0;

  readonly read = async (after: bigint | undefined) => {
    this.reads++;
    const found = after === undefined ? this.changes.slice(-1) : this.changes.filter((one) => one.version > after);
    this.whileReading();
    return found;
  };

  readonly wakeups = {
    watch: (_: string, wake: () => void) => {
      this.wakes.add(wake);
      return () => void this.wakes.delete(wake);
    },
  };

  add(one: Change): void {
    this.changes.push(one);
    for (const wake of this.wakes) wake();
  }

  watch(after: bigint | undefined, signal = new AbortController().signal) {
    return watchChanges(this.read, this.wakeups, 'a', after, signal);
  }
}

describe('watching an aggregate', () => {
  it('misses no change that is made while the last ones are read', async () => {
    const one = new Watched();
    one.whileReading = () => {
      one.whileReading = () => {};
      one.add(change(2n, true));
    };
    const watching = one.watch(undefined);
    expect((await watching.next()).value).toMatchObject({ version: 1n });
    expect((await watching.next()).value).toMatchObject({ version: 2n });
    expect((await watching.next()).done).toBe(true);
  });

  it('reads only when it is woken', async () => {
    const one = new Watched();
    const watching = one.watch(undefined);
    await watching.next();
    const next = watching.next();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    const { reads } = one;
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(one.reads).toBe(reads);
    one.add(change(2n, true));
    expect((await next).value).toMatchObject({ version: 2n });
  });

  it('goes on past a settled change when there are later ones', async () => {
    const one = new Watched();
    one.changes.push(change(2n, true), change(3n), change(4n, true));
    const versions = [];
    for await (const { version } of one.watch(1n)) versions.push(version);
    expect(versions).toEqual([2n, 3n, 4n]);
  });

  it.each<[string, (watching: AsyncGenerator<Change>, abort: AbortController) => Promise<unknown>]>([
    [
      'its caller goes away',
      async (watching, abort) => {
        const next = watching.next();
        abort.abort();
        await next;
      },
    ],
    ['it is no longer read', (watching) => watching.return(undefined)],
    ['it has ended', async (watching) => watching.next()],
  ])('lets go of it when %s', async (how, end) => {
    const one = new Watched();
    const abort = new AbortController();
    const watching = one.watch(undefined, abort.signal);
    if (how === 'it has ended') one.changes.push(change(2n, true));
    await watching.next();
    expect(one.wakes.size).toBe(1);
    await end(watching, abort);
    expect(one.wakes.size).toBe(0);
  });
});
