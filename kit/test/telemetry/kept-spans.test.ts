import { expect, it } from '@jest/globals';
import { KeptSpans } from '../../src/telemetry/kept-spans.ts';

it('whoever asks time after time hears of every trace that is wanted', () => {
  const kept = new KeptSpans();
  const wanted = Array.from({ length: 10 }, (_, index) => index.toString(16).padStart(32, '0'));
  for (const traceId of wanted) kept.want(traceId, 'told');
  const first = kept.since(0);
  const second = kept.since(first.count);
  expect([...first.traceIds, ...second.traceIds]).toEqual(wanted);
  expect(first.traceIds).toHaveLength(8);
  expect(kept.since(second.count)).toEqual({ traceIds: [], count: kept.count });
});
