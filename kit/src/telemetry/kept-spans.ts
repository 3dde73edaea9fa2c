import { SpanNotes } from './span-notes.ts';
import { type NotedSpan, type RecordSpan, spanOf } from './spans.ts';
import type { TraceContext } from './trace-context.ts';

const MOST_TRACES = 1_024;
const MOST_TOLD = 64;
const MOST_AT_ONCE = 8;

/** Traces that are wanted, for those who have part of them. */
export interface Wanted {
  readonly traceIds: readonly string[];
  /** How many have been wanted up to the last of them. */
  readonly count: number;
}

/** Why a trace is wanted: a call of it failed or was slow; was refused, which its caller may have meant to; or another service says so. */
export type WantedFor = 'failure' | 'refusal' | 'told';

/** Traces that are newly wanted within a second: beyond them one is like the others. Each on its own, so that none takes the place of another. */
const MOST_WANTED: Readonly<Record<WantedFor, number>> = { failure: 20, refusal: 20, told: 40 };

/**
 * What was not sampled and may be wanted after all: the last few thousand spans of this process, and the traces that are wanted, since
 * a call of theirs failed or was slow. Everything is bounded.
 */
export class KeptSpans {
  readonly #calls = new SpanNotes();
  /** Of which a call has many: they push out no call. */
  readonly #parts = new SpanNotes();
  readonly #wanted = new Set<string>();
  readonly #told: string[] = [];
  #toldBefore = 0;
  #second = 0;
  readonly #inSecond = { failure: 0, refusal: 0, told: 0 };

  wants({ traceId }: TraceContext): boolean {
    return this.#wanted.size > 0 && this.#wanted.has(traceId);
  }

  keep(span: NotedSpan, record: RecordSpan): void {
    (span.part ? this.#parts : this.#calls).add(span, record);
  }

  /** Records what is kept of a trace, and from now on what is still to come. */
  want(traceId: string, reason: WantedFor): void {
    if (this.#wanted.has(traceId)) return;
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      Object.assign(this.#inSecond, { failure: 0, refusal: 0, told: 0 });
    }
    if (++this.#inSecond[reason] > MOST_WANTED[reason]) return;
    if (this.#wanted.size >= MOST_TRACES) this.#wanted.delete(this.#wanted.values().next().value as string);
    this.#wanted.add(traceId);
    this.#told.push(traceId);
    if (this.#told.length > MOST_TOLD) {
      this.#told.shift();
      this.#toldBefore++;
    }
    for (const notes of [this.#calls, this.#parts]) notes.take(traceId, (span, record) => record(spanOf(span)));
  }

  /** How many traces have been wanted so far. */
  get count(): number {
    return this.#toldBefore + this.#told.length;
  }

  /** The traces that were wanted after so many, at most eight, and how many that makes; those that are long ago are forgotten. */
  since(count: number): Wanted {
    const from = Math.max(0, count - this.#toldBefore);
    const traceIds = this.#told.slice(from, from + MOST_AT_ONCE);
    return { traceIds, count: this.#toldBefore + from + traceIds.length };
  }
}
