import { SpanNotes } from './span-notes.ts';
import { type NotedSpan, type RecordSpan, spanOf } from './spans.ts';
import type { TraceContext } from './trace-context.ts';

const MOST_TRACES = 1_024;

/** Why a trace is wanted: a call of it failed or was slow; or was refused, which its caller may have meant to. */
export type WantedFor = 'failure' | 'refusal';

/** Who found that out: this process, or one that told it. */
export type WantedBy = 'here' | 'elsewhere';

export type WantedListener = (traceId: string, reason: WantedFor) => void;

/**
 * Traces that are newly wanted within a second for each reason: beyond them one is like the others. Once so many are wanted in all, nobody adds
 * any: what somebody wants all record, so that a trace is whole or not there. What is told is bounded all the same.
 */
const MOST_HERE = 20;
const MOST_IN_ALL = 40;
const MOST_TOLD = 200;

/**
 * What was not sampled and may be wanted after all: the last few thousand spans of this process, and the traces that are wanted, since
 * a call of theirs failed or was slow. Everything is bounded.
 */
export class KeptSpans {
  readonly #calls = new SpanNotes();
  /** Of which a call has many: they push out no call. */
  readonly #parts = new SpanNotes();
  readonly #wanted = new Set<string>();
  readonly #listeners = new Set<WantedListener>();
  #second = 0;
  readonly #inSecond = { here: { failure: 0, refusal: 0 }, elsewhere: { failure: 0, refusal: 0 } };

  wants({ traceId }: TraceContext): boolean {
    return this.#wanted.size > 0 && this.#wanted.has(traceId);
  }

  keep(span: NotedSpan, record: RecordSpan): void {
    (span.part ? this.#parts : this.#calls).add(span, record);
  }

  /** Records what is kept of a trace, and from now on what is still to come. */
  want(traceId: string, reason: WantedFor, by: WantedBy): void {
    if (this.#wanted.has(traceId) || this.#isOneTooMany(reason, by)) return;
    if (this.#wanted.size >= MOST_TRACES) this.#wanted.delete(this.#wanted.values().next().value as string);
    this.#wanted.add(traceId);
    for (const notes of [this.#calls, this.#parts]) notes.take(traceId, (span, record) => record(spanOf(span)));
    if (by === 'here') for (const listener of this.#listeners) listener(traceId, reason);
  }

  /** Hears of each trace that is newly wanted here. @returns takes it back */
  onWanted(listener: WantedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #isOneTooMany(reason: WantedFor, by: WantedBy): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      for (const counts of Object.values(this.#inSecond)) Object.assign(counts, { failure: 0, refusal: 0 });
    }
    const { here, elsewhere } = this.#inSecond;
    if (by === 'elsewhere') return ++elsewhere[reason] > MOST_TOLD;
    if (here[reason] >= MOST_HERE || here[reason] + elsewhere[reason] >= MOST_IN_ALL) return true;
    here[reason]++;
    return false;
  }
}
