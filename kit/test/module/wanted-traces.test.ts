import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import { createTracing, type FinishedSpan, newTrace, type TraceContext } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';
import type { Bus } from '../../src/events/index.ts';
import { shareWantedTraces } from '../../src/module/wanted-traces.ts';
import { onEachBus, type TestDriver } from '../events/drivers.ts';

const spanOf = (context: TraceContext): FinishedSpan => {
  return { context, name: 'work', kind: SpanKind.INTERNAL, attributes: {}, startTime: 1, endTime: 2 };
};

onEachBus((open) => {
  let driver: TestDriver;
  let buses: Bus[];
  beforeEach(async () => {
    driver = await open();
    buses = [];
  });
  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
    await driver.close();
  });

  /** A process that samples nothing, on a connection to the bus of its own. */
  async function aProcess() {
    const recorded: string[] = [];
    const none = async () => {};
    const onEnd = (span: { spanContext(): { traceId: string } }) => void recorded.push(span.spanContext().traceId);
    const processor = { onStart() {}, onEnd, forceFlush: none, shutdown: none };
    const tracing = createTracing({ service: 'test', version: '1', ratio: 0, endpoint: '', processor });
    const bus = await driver.open();
    buses.push(bus);
    shareWantedTraces(bus, tracing);
    await bus.check();
    return { bus, tracing, recorded };
  }

  it('a trace that fails in one process is recorded by all that have part of it, whoever called whom', async () => {
    const [failing, ...others] = [await aProcess(), await aProcess(), await aProcess()];
    // Who has only just come to the bus may not be heard yet.
    await eventually(() => {
      const trace = newTrace(false);
      for (const { tracing } of others) tracing.record(spanOf(trace));
      failing.tracing.want(trace, 'failure');
      return others.every(({ recorded }) => recorded.length > 0);
    });
    const trace = newTrace(false);
    const other = newTrace(false);
    for (const { tracing } of others) for (const one of [trace, other]) tracing.record(spanOf(one));
    failing.tracing.want(trace, 'failure');
    await eventually(() => others.every(({ recorded }) => recorded.includes(trace.traceId)));
    // What is still to come of it as well.
    for (const { tracing } of others) expect(tracing.records(trace)).toBe(true);
    expect(others.some(({ recorded }) => recorded.includes(other.traceId))).toBe(false);
  });

  it('a storm of refusals anywhere leaves room for what fails', async () => {
    const [noisy, failing, hearing] = [await aProcess(), await aProcess(), await aProcess()];
    const failed: TraceContext[] = [];
    await eventually(() => {
      for (let n = 0; n < 100; n++) noisy.bus.notify('wanted-traces', `refusal ${newTrace(false).traceId}`);
      const trace = newTrace(false);
      failed.push(trace);
      failing.tracing.want(trace, 'failure');
      return failed.some((one) => hearing.tracing.records(one));
    });
  });

  it('what is no notice of traces does nothing', async () => {
    const [one, another] = [await aProcess(), await aProcess()];
    const trace = newTrace(false);
    const failed: TraceContext[] = [];
    await eventually(() => {
      for (const text of ['', 'failure', `failure ${trace.traceId.slice(1)}`, `theft ${trace.traceId}`])
        one.bus.notify('wanted-traces', text);
      const known = newTrace(false);
      failed.push(known);
      one.tracing.want(known, 'failure');
      return failed.some((each) => another.tracing.records(each));
    });
    expect(another.tracing.records(trace)).toBe(false);
  });
});
