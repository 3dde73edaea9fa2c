import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import { factsWorker, StepFailed, workSpans } from '@weft/kit/module';
import type { DueFacts, FactsDue, OutgoingEvent } from '@weft/kit/store';
import { createLogger, createTracing, type Measurement } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';
import { currentContext, eventHeaders } from '../../src/context/index.ts';
import { recordingTracing } from '../rpc/stage.ts';

interface Known {
  readonly headers?: Readonly<Record<string, string>>;
}

/** Facts in memory, as the store keeps them. */
class Memory implements FactsDue<Known> {
  readonly waiting: DueFacts<Known>[] = [];
  readonly rested: [string, readonly string[]][] = [];
  readonly alerts: OutgoingEvent[] = [];

  put(id: string, facts: Known = {}, tries = 0): void {
    this.waiting.push({ id, facts, tries, heldUntil: new Date() });
  }

  async claim(limit: number) {
    return this.waiting.splice(0, limit);
  }

  async rest({ id }: DueFacts<Known>, erased: readonly string[]) {
    this.rested.push([id, erased]);
  }

  async retry({ id, facts, tries }: DueFacts<Known>, _: Date, alert?: OutgoingEvent) {
    if (alert) this.alerts.push(alert);
    this.put(id, facts, tries + 1);
  }

  async add() {}

  async count() {
    return this.waiting.length;
  }

  async open(tries: number) {
    const stalled = this.waiting.filter((one) => one.tries >= tries).length;
    return { count: this.waiting.length, stalled, oldest: new Date(Date.now() - 60_000) };
  }
}

const logger = createLogger({ level: 'silent', pretty: false });
const { run: runWork } = workSpans(createTracing({ service: 'test', version: '1', ratio: 0, endpoint: '' }));

const measured = new Map<string, number>();
const measurement: Measurement = {
  gauge: (name) => ({ record: (value) => void measured.set(name, value) }),
  run: (measure) => measure(),
  done() {},
  stop() {},
};
const worker = (due: Memory, act: (one: DueFacts<Known>) => Promise<readonly string[]>, run = runWork) =>
  factsWorker({
    due,
    act,
    stalled: (stalled) => ({ id: stalled.id, headers: {}, stalled }) as never,
    logger,
    now: () => new Date(),
    runWork: run,
    measurement,
  });

describe('a worker on facts', () => {
  it('acts on them when it is woken, many at once, and tries again what fails', async () => {
    const due = new Memory();
    const together = Promise.withResolvers<void>();
    const tried: string[] = [];
    const running = worker(due, async ({ id, tries }) => {
      tried.push(id);
      if (tried.length >= 2) together.resolve();
      await together.promise;
      if (id === 'b' && tries < 2) throw new Error('not yet');
      return ['placed'];
    });
    await running.start();
    due.put('a');
    due.put('b');
    running.wake();
    await eventually(() => due.rested.length === 2);
    expect(due.rested).toEqual([
      ['a', ['placed']],
      ['b', ['placed']],
    ]);
    expect(tried.filter((id) => id === 'b')).toHaveLength(3);
    await running.stop();
  });

  it('says of each event by which try it came', async () => {
    const due = new Memory();
    const said: (string | undefined)[] = [];
    const running = worker(due, async ({ tries }) => {
      said.push(eventHeaders()['weft-attempt']);
      if (tries < 2) throw new Error('not yet');
      return [];
    });
    due.put('a', { headers: { 'weft-attempt': '7' } });
    await running.start();
    await eventually(() => due.rested.length === 1);
    await running.stop();
    expect(said).toEqual(['1', '2', '3']);
  });

  it('has a span of each try, of which those that failed say so, and has their trace recorded', async () => {
    const { tracing, spans } = recordingTracing('test', 0);
    const due = new Memory();
    const running = worker(
      due,
      async ({ tries }) => {
        if (tries === 0)
          throw new StepFailed('capture', new DomainError('unavailable', 'PROVIDER_TIMEOUT', 'no answer'));
        return [];
      },
      workSpans(tracing).run,
    );
    due.put('a', { headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' } });
    await running.start();
    await eventually(() => due.rested.length === 1);
    await running.stop();
    expect(spans.map(({ name, status }) => [name, status.message])).toEqual([
      ['take part', 'StepFailed'],
      ['take part', undefined],
    ]);
  });

  it('raises an alert once when the same work fails again and again, which it goes on trying', async () => {
    const due = new Memory();
    let failures = 0;
    const running = worker(due, async ({ tries }) => {
      if (tries >= 12) return [];
      failures += 1;
      throw new StepFailed('capture', new DomainError('unavailable', 'PROVIDER_TIMEOUT', 'no answer'));
    });
    due.put('a', {}, 8);
    await running.start();
    await eventually(() => due.rested.length === 1, 30_000);
    expect(failures).toBe(4);
    const stalled = { id: 'a', step: 'capture', reason: 'PROVIDER_TIMEOUT', tries: 10, at: expect.any(Date) };
    expect(due.alerts).toMatchObject([{ stalled }]);
    await running.stop();
  }, 40_000);

  it('tells from its start what there is to do, how old that is, and what somebody should look at', async () => {
    const due = new Memory();
    due.claim = async () => [];
    for (const tries of [0, 9, 10, 12]) due.put(`tried ${tries}`, {}, tries);
    const running = worker(due, async () => []);
    await running.start();
    await eventually(() => measured.size === 3);
    await running.stop();
    expect(measured.get('weft.part.open')).toBe(4);
    expect(measured.get('weft.part.stalled')).toBe(2);
    expect(measured.get('weft.part.age')).toBeGreaterThanOrEqual(60);
  });

  it('belongs to the trace of what the facts began with, and ends after what it has in hand', async () => {
    const due = new Memory();
    const gate = Promise.withResolvers<void>();
    const seen: (string | undefined)[] = [];
    const running = worker(due, async () => {
      seen.push(currentContext()?.correlationId);
      await gate.promise;
      return [];
    });
    due.put('a', { headers: { 'correlation-id': 'c-1' } });
    await running.start();
    running.wake();
    await eventually(() => seen.length === 1);
    const stopped = running.stop();
    gate.resolve();
    await stopped;
    expect([seen, due.rested]).toEqual([['c-1'], [['a', []]]]);
  });
});
