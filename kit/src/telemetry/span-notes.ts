import type { NotedSpan, RecordSpan } from './spans.ts';

const MOST_SPANS = 8_192;
const SLOT = 512;
const SPAN_ID = 32;
const PARENT_ID = 48;
const NOTE = 64;
const MOST_WAITING = 32;
const NO_PARENT = '-'.repeat(16);

/**
 * The last few thousand spans that nobody wanted, as bytes: objects that live for a second cost the collector more than all
 * else that is done with them. A note that is too long for its slot is not kept. Some wait to be written together: what a call
 * has in its processor's caches is not pushed out by each.
 */
export class SpanNotes {
  readonly #bytes = Buffer.alloc(MOST_SPANS * SLOT);
  /** The first eight characters of each trace's id, read as a number: whoever looks for a trace need not go over all bytes. */
  readonly #heads = new Float64Array(MOST_SPANS);
  readonly #lengths = new Uint16Array(MOST_SPANS);
  readonly #times = new Float64Array(MOST_SPANS * 2);
  readonly #describes: (NotedSpan['describe'] | undefined)[] = new Array(MOST_SPANS);
  readonly #records: RecordSpan[] = new Array(MOST_SPANS);
  readonly #waiting: { readonly span: NotedSpan; readonly record: RecordSpan }[] = [];
  #next = 0;

  add(span: NotedSpan, record: RecordSpan): void {
    if (this.#waiting.push({ span, record }) === MOST_WAITING) this.#writeAll();
  }

  #writeAll(): void {
    for (const { span, record } of this.#waiting) this.#write(span, record);
    this.#waiting.length = 0;
  }

  #write({ context, startTime, endTime, note, describe }: NotedSpan, record: RecordSpan): void {
    const slot = this.#next;
    this.#next = (slot + 1) % MOST_SPANS;
    const { traceId, spanId, parentSpanId = NO_PARENT } = context;
    const length = this.#bytes.write(`${traceId}${spanId}${parentSpanId}${note}`, slot * SLOT, SLOT);
    // No character takes more than four bytes: here the last one may be missing.
    this.#describes[slot] = length > SLOT - 4 ? undefined : describe;
    this.#records[slot] = record;
    this.#heads[slot] = this.#bytes.readDoubleLE(slot * SLOT);
    this.#lengths[slot] = length;
    this.#times[slot * 2] = startTime;
    this.#times[slot * 2 + 1] = endTime;
  }

  /** Hands out what it has of a trace, and has it no more. */
  take(traceId: string, found: (span: NotedSpan, record: RecordSpan) => void): void {
    this.#writeAll();
    const head = Buffer.from(traceId).readDoubleLE();
    for (let slot = this.#heads.indexOf(head); slot >= 0; slot = this.#heads.indexOf(head, slot + 1)) {
      const describe = this.#describes[slot];
      const at = slot * SLOT;
      if (!describe || this.#bytes.toString('latin1', at, at + SPAN_ID) !== traceId) continue;
      this.#describes[slot] = undefined;
      const text = this.#bytes.toString('utf8', at, at + (this.#lengths[slot] as number));
      const parent = text.slice(PARENT_ID, NOTE);
      const parentSpanId = parent === NO_PARENT ? undefined : parent;
      const context = { traceId, spanId: text.slice(SPAN_ID, PARENT_ID), parentSpanId, sampled: false };
      const [startTime = 0, endTime = 0] = this.#times.subarray(slot * 2, slot * 2 + 2);
      found({ context, startTime, endTime, note: text.slice(NOTE), describe }, this.#records[slot] as RecordSpan);
    }
  }
}
