import { expect, it } from '@jest/globals';
import { newTrace } from '@weft/kit/telemetry';
import { KeptSpans } from '../../src/telemetry/kept-spans.ts';

const PROCESSES = 8;

it('what is wanted anywhere is wanted everywhere, however many processes find failures at once', () => {
  const all = Array.from({ length: PROCESSES }, () => new KeptSpans());
  for (const one of all)
    one.onWanted((traceId, reason) => {
      for (const other of all) if (other !== one) other.want(traceId, reason, 'elsewhere');
    });
  const failed = Array.from({ length: 100 * PROCESSES }, () => newTrace(false));
  for (const [index, { traceId }] of failed.entries()) all[index % PROCESSES]?.want(traceId, 'failure', 'here');
  const wantedBy = failed.map((trace) => all.filter((one) => one.wants(trace)).length);
  expect(wantedBy.filter((count) => count > 0 && count < PROCESSES)).toEqual([]);
  const whole = wantedBy.filter((count) => count === PROCESSES).length;
  expect(whole).toBeGreaterThanOrEqual(40);
  // Of two seconds at most, should one have begun in between.
  expect(whole).toBeLessThanOrEqual(80);
});
