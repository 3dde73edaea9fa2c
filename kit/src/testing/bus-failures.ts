import { expect, it } from '@jest/globals';
import { type Delivery, type GivenUp, Postponed, Unreadable } from '../events/bus.ts';
import { type BusExceptions, type BusFixture, KEYS, numbered, numberOf, upTo } from './bus-fixture.ts';
import { eventually } from './eventually.ts';

export function failureTests(current: () => BusFixture, exceptions: BusExceptions): void {
  it('delivers again after a failure, and nothing of the same key before it', async () => {
    const on = current();
    let failures = 3;
    const consumer = on.consume({
      async handle(delivery) {
        on.handled.push(delivery);
        if (numberOf(delivery) === 5 && failures-- > 0) throw new Error('not now');
      },
    });
    await on.bus.publish(upTo(10).map((n) => numbered('a', n)));
    await on.settled(consumer);
    expect(on.numbers('a')).toEqual([0, 1, 2, 3, 4, 5, 5, 5, 5, 6, 7, 8, 9]);
    expect(on.handled.filter((each) => numberOf(each) === 5).map((each) => each.deliveries)).toEqual([1, 2, 3, 4]);
    expect(await on.bus.deadLetters()).toEqual([]);
  });

  it('makes a message that always fails a dead letter, and goes on', async () => {
    const on = current();
    const consumer = on.consume({
      maxDeliveries: 3,
      async handle(delivery) {
        on.handled.push(delivery);
        if (numberOf(delivery) === 2) throw new Error(`cannot \0 do this`);
      },
    });
    const poison = numbered('a', 2);
    await on.bus.publish([numbered('a', 1), poison, numbered('a', 3)]);
    await on.settled(consumer);
    expect(on.numbers('a')).toEqual([1, 2, 2, 2, 3]);
    const letters = await on.bus.deadLetters('counter');
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({ id: poison.id, key: 'a', consumer: 'counter', deliveries: 3, state: 'dead' });
    expect(letters[0]?.error).toContain('do this');
    expect(await on.bus.deadLetters('another')).toEqual([]);
  });

  it('holds up only what is in one lane with a message that fails', async () => {
    const on = current();
    let broken = true;
    const consumer = on.consume({
      maxDeliveries: 1_000,
      async handle(delivery) {
        if (broken && delivery.key === 'a') throw new Error('not now');
        on.handled.push(delivery);
      },
    });
    const others = [...KEYS, ...KEYS.map((key) => `${key}${key}`)].filter((key) => key !== 'a');
    await on.bus.publish(['a', ...others].map((key) => numbered(key, 1)));
    await eventually(() => new Set(on.handled.map(({ key }) => key)).size >= others.length / 2);
    broken = false;
    await on.settled(consumer);
    for (const key of ['a', ...others]) expect(on.numbers(key)).toEqual([1]);
  });

  it('does not repeat what is unreadable', async () => {
    const on = current();
    const consumer = on.consume({
      async handle(delivery) {
        on.handled.push(delivery);
        if (numberOf(delivery) === 1) throw new Unreadable('not a message');
      },
    });
    await on.bus.publish([numbered('a', 1), numbered('a', 2)]);
    await on.settled(consumer);
    expect(on.numbers('a')).toEqual([1, 2]);
    expect(await on.bus.deadLetters()).toHaveLength(1);
  });

  it('never gives up what is postponed', async () => {
    const on = current();
    let missing = true;
    const consumer = on.consume({
      maxDeliveries: 2,
      async handle(delivery) {
        on.handled.push(delivery);
        if (missing) throw new Postponed(new Error('no database'));
      },
    });
    await on.bus.publish([numbered('a', 1)]);
    await eventually(() => on.handled.length > 3);
    missing = false;
    await on.settled(consumer);
    expect(await on.bus.deadLetters()).toEqual([]);
    expect(new Set(on.handled.map(({ deliveries }) => deliveries))).toEqual(new Set([1]));
  });

  it('takes a handler that never ends for a failure', async () => {
    const on = current();
    const consumer = on.consume({
      handleTimeoutMs: 50,
      maxDeliveries: 2,
      async handle(delivery) {
        on.handled.push(delivery);
        if (numberOf(delivery) === 1) await new Promise(() => undefined);
      },
    });
    await on.bus.publish([numbered('a', 1), numbered('a', 2)]);
    await on.settled(consumer);
    expect(on.numbers('a')).toEqual([1, 1, 2]);
  });

  it('says why it gave a message up, counts its dead letters, and finds each by its id', async () => {
    const on = current();
    const causes: GivenUp[] = [];
    const consumer = on.consume({
      maxDeliveries: 2,
      onGivenUp: (cause) => void causes.push(cause),
      async handle(delivery) {
        throw numberOf(delivery) === 1 ? new Unreadable('not a message') : new Error('no');
      },
    });
    await on.bus.publish([1, 2, 3].map((n) => numbered('a', n)));
    await on.settled(consumer);
    expect(causes).toEqual(['unreadable', 'failed', 'failed']);
    expect(await on.bus.countDeadLetters('counter')).toBe(3);
    expect(await on.bus.countDeadLetters('another')).toBe(0);
    const letters = await on.bus.deadLetters('counter');
    for (const letter of letters) expect(await on.bus.deadLetter(letter.letter)).toEqual(letter);
    await on.bus.discard(letters[0]?.letter ?? '');
    expect(await on.bus.deadLetter(letters[0]?.letter ?? '')).toBeUndefined();
    expect(await on.bus.deadLetter('nonsense')).toBeUndefined();
    expect(await on.bus.countDeadLetters('counter')).toBe(2);
    await on.bus.publish([numbered('b', 4)]);
    await eventually(async () => (await on.bus.countDeadLetters('counter')) === 3);
  });

  it('gives a dead letter to its consumer again, and to no other', async () => {
    const on = current();
    let broken = true;
    const others: Delivery[] = [];
    on.consume({ name: 'other', handle: async (delivery) => void others.push(delivery) });
    const consumer = on.consume({
      maxDeliveries: 1,
      async handle(delivery) {
        if (broken) throw new Error('broken');
        on.handled.push(delivery);
      },
    });
    await on.bus.publish([numbered('a', 1), numbered('b', 2)]);
    await on.settled(consumer);
    const [first, second] = await on.bus.deadLetters('counter');
    await on.bus.redrive(first?.letter ?? '');
    await eventually(async () => {
      const again = await on.bus.deadLetter(first?.letter ?? '');
      return again?.deliveries === 2 && again.state === 'dead';
    });
    broken = false;
    await on.bus.redrive(first?.letter ?? '');
    await on.settled(consumer);
    expect(on.handled).toHaveLength(1);
    expect(on.handled[0]).toMatchObject({ id: first?.id, deliveries: 3 });
    await on.bus.discard(second?.letter ?? '');
    expect(await on.bus.deadLetters()).toEqual([]);
    expect(others).toHaveLength(2);
    await expect(on.bus.redrive(second?.letter ?? '')).rejects.toMatchObject({ kind: 'not-found' });
    await expect(on.bus.redrive('nonsense')).rejects.toMatchObject({ kind: 'not-found' });
  });

  (exceptions.redrivesInTurn === false ? it.skip : it)(
    'handles a dead letter again when nothing else of its key is in hand',
    async () => {
      const on = current();
      const second = Promise.withResolvers<void>();
      const events: string[] = [];
      const consumer = on.consume({
        maxDeliveries: 1,
        async handle(delivery) {
          const what = `${delivery.key}${numberOf(delivery)}`;
          if (what === 'a1' && delivery.deliveries === 1) throw new Error('broken');
          events.push(`${what} begun`);
          if (what === 'a2') await second.promise;
          events.push(`${what} ended`);
        },
      });
      await on.bus.publish([numbered('a', 1), numbered('a', 2)]);
      await eventually(() => events.includes('a2 begun'));
      const [letter] = await on.bus.deadLetters('counter');
      await on.bus.redrive(letter?.letter ?? '');
      // Whoever is told of it is told before these.
      for (const n of upTo(3)) {
        await on.bus.publish(KEYS.filter((key) => key !== 'a').map((key) => numbered(key, n)));
        await eventually(() => events.filter((what) => what.endsWith(`${n} ended`)).length >= KEYS.length / 2);
      }
      second.resolve();
      await on.settled(consumer);
      const ofKey = events.filter((what) => /^a\d /.test(what));
      expect(ofKey).toEqual(['a2 begun', 'a2 ended', 'a1 begun', 'a1 ended']);
    },
  );
}
