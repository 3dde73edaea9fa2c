import { describe, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import { childOf, newTrace } from '@weft/kit/telemetry';
import { SpanNotes } from '../../src/telemetry/span-notes.ts';
import type { NotedSpan } from '../../src/telemetry/spans.ts';

const describeNote = (note: string) => ({ name: note, kind: SpanKind.INTERNAL, attributes: {} });
const noted = (context = newTrace(false), note = 'a call'): NotedSpan => {
  return { context, startTime: 1_700_000_000_000.25, endTime: 1_700_000_000_001.5, note, describe: describeNote };
};

function taken(notes: SpanNotes, traceId: string): NotedSpan[] {
  const found: NotedSpan[] = [];
  notes.take(traceId, (span) => void found.push(span));
  return found;
}

describe('kept notes of spans', () => {
  it('give back each span of a trace as it was, and once', () => {
    const notes = new SpanNotes();
    const root = newTrace(false);
    const spans = [noted(childOf(root), 'Zürich → Łódź'), noted(root, '')];
    for (const span of [noted(), ...spans, noted()]) notes.add(span, () => {});
    expect(taken(notes, root.traceId)).toEqual(spans);
    expect(taken(notes, root.traceId)).toEqual([]);
  });

  it('are told from those that only mention the trace', () => {
    const notes = new SpanNotes();
    const { traceId } = newTrace(false);
    notes.add(noted(newTrace(false), traceId), () => {});
    expect(taken(notes, traceId)).toEqual([]);
  });

  it('are told from those of a trace whose id begins alike', () => {
    const notes = new SpanNotes();
    const { traceId } = newTrace(false);
    const alike = { ...newTrace(false), traceId: `${traceId.slice(0, 30)}${traceId.endsWith('ff') ? '00' : 'ff'}` };
    const span = noted({ ...newTrace(false), traceId });
    for (const one of [noted(alike), span]) notes.add(one, () => {});
    expect(taken(notes, traceId)).toEqual([span]);
  });

  it('are forgotten in the order in which they came', () => {
    const notes = new SpanNotes();
    const first = noted();
    const second = noted();
    for (const span of [first, second]) notes.add(span, () => {});
    for (let more = 0; more < 8_191; more++) notes.add(noted(), () => {});
    expect(taken(notes, first.context.traceId)).toEqual([]);
    expect(taken(notes, second.context.traceId)).toEqual([second]);
  });

  it('that are too long are not kept', () => {
    const notes = new SpanNotes();
    const long = noted(newTrace(false), 'é'.repeat(300));
    const short = noted(newTrace(false), 'é'.repeat(200));
    for (const span of [long, short]) notes.add(span, () => {});
    expect(taken(notes, long.context.traceId)).toEqual([]);
    expect(taken(notes, short.context.traceId)).toEqual([short]);
  });
});
