import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import { RemoteError, status } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { Breaker } from '../src/resilience/breaker.ts';
import { Bulkhead } from '../src/resilience/bulkhead.ts';
import { openThrough } from '../src/resilience/opening.ts';
import { startShedding } from '../src/resilience/shedding.ts';
import { createUpstreams } from '../src/resilience/upstream.ts';

const away = () => new RemoteError(status.UNAVAILABLE, 'UNAVAILABLE', 'away');
const failed = () => Promise.reject(away());
const unwell = () => 'unwell' as const;
const always = { signal: undefined, deadline: Number.POSITIVE_INFINITY };

describe('a breaker', () => {
  it('opens after five failures in a row, and lets one call try after a minute', async () => {
    let now = 0;
    const breaker = new Breaker('catalog', { failures: 5, pause: 60_000, now: () => now });
    for (let n = 0; n < 4; n++) await expect(breaker.run(failed, unwell)).rejects.toThrow('away');
    await breaker.run(async () => 'well', unwell);
    for (let n = 0; n < 5; n++) await expect(breaker.run(failed, unwell)).rejects.toThrow('away');
    expect(breaker.state).toBe('open');
    await expect(breaker.run(async () => 'well', unwell)).rejects.toMatchObject({
      reason: 'CIRCUIT_OPEN',
      retryAfter: 60,
    });
    now = 60_000;
    expect(breaker.state).toBe('half-open');
    const trying = Promise.withResolvers<string>();
    const probe = breaker.run(() => trying.promise, unwell);
    await expect(breaker.run(async () => 'well', unwell)).rejects.toMatchObject({ reason: 'CIRCUIT_OPEN' });
    trying.resolve('well');
    await probe;
    expect(breaker.state).toBe('closed');
  });

  it('opens again when the one that tries fails', async () => {
    let now = 0;
    const breaker = new Breaker('catalog', { failures: 1, pause: 1000, now: () => now });
    await expect(breaker.run(failed, unwell)).rejects.toThrow('away');
    now = 1000;
    await expect(breaker.run(failed, unwell)).rejects.toThrow('away');
    expect(breaker.state).toBe('open');
  });

  it('learns nothing from a call that tells nothing, and lets the next one try', async () => {
    let now = 0;
    const breaker = new Breaker('catalog', { failures: 2, pause: 1000, now: () => now });
    const nothing = () => 'nothing' as const;
    await expect(breaker.run(failed, unwell)).rejects.toThrow('away');
    for (let n = 0; n < 5; n++) await expect(breaker.run(failed, nothing)).rejects.toThrow('away');
    expect(breaker.state).toBe('closed');
    await expect(breaker.run(failed, unwell)).rejects.toThrow('away');
    now = 1000;
    await expect(breaker.run(failed, nothing)).rejects.toThrow('away');
    expect(breaker.state).toBe('half-open');
    await breaker.run(async () => 'well', unwell);
    expect(breaker.state).toBe('closed');
  });
});

describe('a bulkhead', () => {
  it('lets no more run than it may, no more wait than it may, and whoever leaves', async () => {
    const bulkhead = new Bulkhead('orders', { calls: 1, queue: 1 });
    const first = Promise.withResolvers<void>();
    const running = bulkhead.run(() => first.promise, always);
    const leaving = new AbortController();
    const waiting = bulkhead.run(async () => 'never', { ...always, signal: leaving.signal });
    await expect(bulkhead.run(async () => 'no', always)).rejects.toMatchObject({ reason: 'UPSTREAM_BUSY' });
    leaving.abort();
    await expect(waiting).rejects.toMatchObject({ reason: 'CANCELLED' });
    const late = bulkhead.run(async () => 'never', { ...always, deadline: Date.now() + 20 });
    await expect(late).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    const next = bulkhead.run(async () => 'yes', always);
    first.resolve();
    await running;
    expect(await next).toBe('yes');
    expect([bulkhead.running, bulkhead.waiting]).toEqual([0, 0]);
  });
});

describe('a stream that is opened', () => {
  const upstream = () =>
    createUpstreams({
      breaker: { failures: 2, pause: 60_000, now: () => 0 },
      bulkhead: { calls: 1, queue: 0 },
    })('orders');

  it('says of its service what its first message says', async () => {
    const orders = upstream();
    await expect(openThrough(orders, failed, always)).rejects.toThrow('away');
    expect(await openThrough(orders, async () => 'first', always)).toBe('first');
    await expect(openThrough(orders, failed, always)).rejects.toThrow('away');
    await expect(openThrough(orders, failed, always)).rejects.toThrow('away');
    await expect(openThrough(orders, async () => 'first', always)).rejects.toMatchObject({ reason: 'CIRCUIT_OPEN' });
  });

  it('says nothing of it while it is silent, or when it is left, and does not keep its place', async () => {
    const orders = upstream();
    await expect(openThrough(orders, failed, always)).rejects.toThrow('away');
    const [message, leaving] = [Promise.withResolvers<string>(), new AbortController()];
    const silent = openThrough(orders, () => message.promise, always);
    await eventually(() => orders.bulkhead.running === 0);
    const left = openThrough(orders, () => message.promise, { ...always, signal: leaving.signal });
    leaving.abort();
    await eventually(() => orders.bulkhead.running === 0);
    message.resolve('late');
    expect([await silent, await left]).toEqual(['late', 'late']);
    await expect(openThrough(orders, failed, always)).rejects.toThrow('away');
    expect(orders.breaker.state).toBe('open');
  });
});

/** Nothing else runs for so many milliseconds. */
function holdUp(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

// Shorter than the time over which lateness is measured, and longer.
it.each([120, 400])(
  'sheds work while the event loop is held up for %d ms at a time, and takes it again',
  async (ms) => {
    const shedding = startShedding(20);
    try {
      await eventually(() => {
        holdUp(ms);
        try {
          shedding.admit();
          return false;
        } catch (error) {
          return error instanceof DomainError && error.reason === 'OVERLOADED';
        }
      });
      await eventually(() => {
        shedding.admit();
        return true;
      });
    } finally {
      shedding.stop();
    }
  },
);

it('takes what comes after the event loop was held up for long while nothing was asked', async () => {
  const shedding = startShedding(20);
  try {
    for (let turn = 0; turn < 8; turn++) {
      holdUp(300);
      await new Promise((resolve) => setTimeout(resolve));
      await new Promise((resolve) => setTimeout(resolve));
    }
    expect(shedding.delay()).toBeGreaterThan(20);
    shedding.admit();
  } finally {
    shedding.stop();
  }
});
