import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '@weft/kit/testing';
import { type EventLoop, observeEventLoop } from '../../src/telemetry/event-loop.ts';
import { block } from './block.ts';

const LEAST_MS = 20_000;
const BLOCKED_MS = 100;
const LATE_S = 0.05;

describe('the figures of the event loop', () => {
  let timers: jest.Spied<typeof setInterval>;
  let loop: EventLoop;
  beforeEach(() => {
    timers = jest.spyOn(globalThis, 'setInterval');
    loop = observeEventLoop(LEAST_MS);
  });
  afterEach(() => {
    loop.stop();
    timers.mockRestore();
  });

  // Again and again: a window counts only once it has begun.
  const blocked = () =>
    eventually(() => {
      block(BLOCKED_MS);
      return loop.figures().max > LATE_S;
    });
  /** As when a window's time is over. */
  const pass = () => timers.mock.calls[0]?.[0]();

  it('have a peak for as long as is promised, and let go of it then', async () => {
    pass();
    await blocked();
    pass();
    const { max, utilization } = loop.figures();
    expect(max).toBeGreaterThan(LATE_S);
    expect(utilization).toBeGreaterThan(0);
    pass();
    expect(loop.figures()).toMatchObject({ p50: 0, p99: 0, max: 0 });
  });

  it('are measured by a timer that keeps no process alive', () => {
    const [timer] = timers.mock.results.map(({ value }) => value as NodeJS.Timeout);
    expect([timers.mock.calls[0]?.[1], timer?.hasRef()]).toEqual([LEAST_MS, false]);
  });
});
