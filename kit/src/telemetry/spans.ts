import type { Attributes, SpanKind } from '@opentelemetry/api';
import type { TraceContext } from './trace-context.ts';

/** A span as it is known when its work has ended. Times are epoch milliseconds, fractions kept. */
export interface FinishedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: TraceContext;
  readonly startTime: number;
  readonly endTime: number;
  readonly attributes: Attributes;
  readonly error?: string;
  readonly links?: readonly TraceContext[];
}

/** What a span can be made of, should anybody want it: of most calls nobody does. */
export interface SpanSource {
  readonly context: TraceContext;
  span(): FinishedSpan;
}

const MOST_SPANS = 8_192;
const MOST_TRACES = 1_024;
const MOST_TOLD = 64;
/** Traces that are newly wanted within a second: beyond them a failure is one of many. */
const MOST_WANTED = 20;

interface Kept {
  readonly source: SpanSource;
  readonly record: (span: FinishedSpan) => void;
}

/**
 * What was not sampled and may be wanted after all: the last few thousand spans of this process, and the traces that are wanted, since
 * a call of theirs failed or was slow. Everything is bounded, and a span that is kept in vain costs a place in an array.
 */
export class KeptSpans {
  readonly #ring: (Kept | undefined)[] = new Array(MOST_SPANS);
  #next = 0;
  readonly #wanted = new Set<string>();
  readonly #told: string[] = [];
  #toldBefore = 0;
  #second = 0;
  #inSecond = 0;

  wants({ traceId }: TraceContext): boolean {
    return this.#wanted.size > 0 && this.#wanted.has(traceId);
  }

  keep(kept: Kept): void {
    this.#ring[this.#next] = kept;
    this.#next = (this.#next + 1) % MOST_SPANS;
  }

  /** Records what is kept of a trace, and from now on what is still to come. */
  want(traceId: string): void {
    if (this.#wanted.has(traceId)) return;
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    if (++this.#inSecond > MOST_WANTED) return;
    if (this.#wanted.size >= MOST_TRACES) this.#wanted.delete(this.#wanted.values().next().value as string);
    this.#wanted.add(traceId);
    this.#told.push(traceId);
    if (this.#told.length > MOST_TOLD) {
      this.#told.shift();
      this.#toldBefore++;
    }
    for (const [index, kept] of this.#ring.entries()) {
      if (kept?.source.context.traceId !== traceId) continue;
      this.#ring[index] = undefined;
      kept.record(kept.source.span());
    }
  }

  /** How many traces have been wanted so far. */
  get count(): number {
    return this.#toldBefore + this.#told.length;
  }

  /** The traces that were wanted after so many, at most eight; those that are long ago are forgotten. */
  since(count: number): readonly string[] {
    return this.#told.slice(Math.max(0, count - this.#toldBefore)).slice(0, 8);
  }
}
