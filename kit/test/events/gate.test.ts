import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Gate } from '../../src/events/gate.ts';

describe('a gate', () => {
  it('lets everybody in at some time, and nobody together with who wants to be alone', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom('alone', 'together'), { maxLength: 20 }),
        async (scheduler, visits) => {
          const gate = new Gate();
          const inside = new Set<number>();
          const lonely = new Set<number>();
          let visited = 0;
          const visit = async (visitor: number, how: 'alone' | 'together') => {
            await scheduler.schedule(Promise.resolve());
            await gate[how](async () => {
              if (how === 'alone') lonely.add(visitor);
              inside.add(visitor);
              await scheduler.schedule(Promise.resolve());
              if (lonely.size > 0) expect(inside.size).toBe(1);
              inside.delete(visitor);
              lonely.delete(visitor);
              visited++;
            });
          };
          const all = Promise.all(visits.map((how, visitor) => visit(visitor, how as 'alone' | 'together')));
          await scheduler.waitFor(all);
          expect(visited).toBe(visits.length);
        },
      ),
    );
  });

  it('is open again after work that fails', async () => {
    const gate = new Gate();
    await expect(gate.alone(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(gate.together(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await gate.alone(async () => 'in')).toBe('in');
  });

  it('lets those in who came meanwhile, before the next one is alone', async () => {
    const gate = new Gate();
    const order: string[] = [];
    const first = Promise.withResolvers<void>();
    const visits = [
      gate.alone(async () => {
        await first.promise;
        order.push('alone');
      }),
      gate.alone(async () => void order.push('alone again')),
      gate.together(async () => void order.push('together')),
    ];
    expect(gate.isWanted).toBe(true);
    first.resolve();
    await Promise.all(visits);
    expect(order).toEqual(['alone', 'together', 'alone again']);
  });

  it.each(['alone', 'together'] as const)('is not waited for by who gives up: %s', async (how) => {
    const gate = new Gate();
    const held = Promise.withResolvers<void>();
    const inside = gate.alone(() => held.promise);
    const giveUp = new AbortController();
    let begun = false;
    const waiting = gate[how](async () => {
      begun = true;
    }, giveUp.signal);
    giveUp.abort();
    expect(await waiting).toBeUndefined();
    expect(begun).toBe(false);
    held.resolve();
    await inside;
    expect(await gate.alone(async () => 'in')).toBe('in');
  });
});
