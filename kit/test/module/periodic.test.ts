import { describe, expect, it } from '@jest/globals';
import { currentContext, runInContext } from '@weft/kit/context';
import { periodic } from '@weft/kit/module';
import { newTrace } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';

const FOREVER = 1_000_000;

describe('periodic work', () => {
  it('is done again and again, one turn at a time, also after it has failed', async () => {
    let turns = 0;
    let busy = 0;
    const failures: unknown[] = [];
    const work = async () => {
      expect(++busy).toBe(1);
      turns++;
      await new Promise((resolve) => setTimeout(resolve, 2));
      busy--;
      if (turns === 2) throw new Error('once');
    };
    const worker = periodic(1, work, (error) => failures.push(error));
    await worker.start();
    await eventually(() => turns >= 4);
    await worker.stop();
    expect(failures).toMatchObject([{ message: 'once' }]);
  });

  it('is done at once when it is woken, and once more when that happens during a turn', async () => {
    let turns = 0;
    const first = Promise.withResolvers<void>();
    const worker = periodic(
      FOREVER,
      () => (++turns === 1 ? first.promise : Promise.resolve()),
      () => undefined,
    );
    worker.wake();
    expect(turns).toBe(0);
    await worker.start();
    worker.wake();
    for (let time = 0; time < 5; time++) worker.wake();
    expect(turns).toBe(1);
    first.resolve();
    await eventually(() => turns === 2);
    await worker.stop();
    worker.wake();
    expect(turns).toBe(2);
  });

  it('belongs to nobody, whoever woke it: not that turn, not the failure of it, and no turn after it', async () => {
    const seen: (string | undefined)[] = [];
    const note = () => void seen.push(currentContext()?.correlationId);
    const work = async () => {
      note();
      if (seen.length === 1) throw new Error('once');
    };
    const worker = periodic(1, work, note);
    const context = { correlationId: 'of one order', trace: newTrace(false), deadline: Number.POSITIVE_INFINITY };
    await worker.start();
    runInContext(context, () => worker.wake());
    await eventually(() => seen.length >= 5);
    await worker.stop();
    expect(new Set(seen)).toEqual(new Set([undefined]));
  });
});
