import { describe, expect, it } from '@jest/globals';
import { childOf, formatTraceparent, newTrace, parseTraceparent } from '@weft/kit/telemetry';

const TRACE = '12345678901234567890123456789012';
const SPAN = '1234567890123456';

// The cases of the W3C's own test suite: https://github.com/w3c/trace-context/blob/main/test/test.py
describe('a traceparent header', () => {
  it.each([
    ['version 00, sampled', `00-${TRACE}-${SPAN}-01`, true],
    ['version 00, not sampled', `00-${TRACE}-${SPAN}-00`, false],
    ['flags that are not known yet', `00-${TRACE}-${SPAN}-ff`, true],
    ['flags that are not known yet, not sampled', `00-${TRACE}-${SPAN}-fe`, false],
    ['a later version', `cc-${TRACE}-${SPAN}-01`, true],
    ['a later version with more to it', `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, true],
    ['a later version with nothing more to it', `01-${TRACE}-${SPAN}-00-`, false],
  ])('of %s is understood', (_, header, sampled) => {
    expect(parseTraceparent(header)).toEqual({ traceId: TRACE, spanId: SPAN, parentSpanId: undefined, sampled });
  });

  it.each([
    ['is absent', undefined],
    ['is empty', ''],
    ['has version ff', `ff-${TRACE}-${SPAN}-01`],
    ['has version 00 and more to it', `00-${TRACE}-${SPAN}-01-what-the-future-will-be-like`],
    ['has version 00 and a dash more', `00-${TRACE}-${SPAN}-01-`],
    ['goes on without a dash', `cc-${TRACE}-${SPAN}-01.what-the-future-will-be-like`],
    ['has a version of one digit', `0-${TRACE}-${SPAN}-01`],
    ['has a version of three digits', `000-${TRACE}-${SPAN}-01`],
    ['has a version that is not hexadecimal', `.0-${TRACE}-${SPAN}-01`],
    ['has a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['has a trace id in capitals', `00-${'A'.repeat(32)}-${SPAN}-01`],
    ['has a trace id that is not hexadecimal', `00-.${TRACE.slice(1)}-${SPAN}-01`],
    ['has a trace id that is too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['has a trace id that is too long', `00-${TRACE}0-${SPAN}-01`],
    ['has a parent id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['has a parent id in capitals', `00-${TRACE}-${'A'.repeat(16)}-01`],
    ['has a parent id that is too short', `00-${TRACE}-${SPAN.slice(1)}-01`],
    ['has a parent id that is too long', `00-${TRACE}-${SPAN}0-01`],
    ['has flags of one digit', `00-${TRACE}-${SPAN}-1`],
    ['has flags of three digits', `00-${TRACE}-${SPAN}-001`],
    ['has flags that are not hexadecimal', `00-${TRACE}-${SPAN}-.0`],
    ['has no flags', `00-${TRACE}-${SPAN}`],
    ['has spaces in it', `00 ${TRACE} ${SPAN} 01`],
    ['has a line after it', `00-${TRACE}-${SPAN}-01\n`],
  ])('that %s is none', (_, header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});

describe('a trace', () => {
  it.each([true, false])('is passed on as it is read (sampled: %s)', (sampled) => {
    const trace = newTrace(sampled);
    expect(parseTraceparent(formatTraceparent(trace))).toEqual(trace);
  });

  it('has ids that are never zero and never the same', () => {
    const traces = Array.from({ length: 1000 }, () => newTrace(true));
    expect(new Set(traces.map(({ traceId }) => traceId)).size).toBe(1000);
    expect(new Set(traces.map(({ spanId }) => spanId)).size).toBe(1000);
    for (const { traceId, spanId } of traces) {
      expect(traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
      expect(spanId).toMatch(/^(?!0{16})[0-9a-f]{16}$/);
    }
  });

  it('has children that know their parent and are sampled as it is', () => {
    const parent = newTrace(true);
    const child = childOf(parent);
    expect(child).toMatchObject({ traceId: parent.traceId, parentSpanId: parent.spanId, sampled: true });
    expect(child.spanId).not.toBe(parent.spanId);
    expect(childOf(newTrace(false)).sampled).toBe(false);
  });
});
