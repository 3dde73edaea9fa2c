import type { Delivery, Published, Tailed } from '../bus.ts';

export interface CursorRow {
  readonly position: bigint;
  /** Of all versions of the consumer. */
  readonly types: string[];
  readonly deliveries: number;
  /** Messages in hand. */
  readonly batch_size: number;
  readonly batch_end: bigint;
  readonly wait_ms: number;
  readonly alive: boolean;
}

export interface MessageRow {
  readonly seq: bigint;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly key: string;
  readonly headers: Record<string, string>;
  readonly payload: Buffer;
  readonly published_at: Date;
}

/** All services publish into one. */
export const STREAM = 'bus';

export function toPublished({ seq, published_at: publishedAt, ...row }: MessageRow): Published {
  const { id, type, subject, key, headers, payload } = row;
  return { id, type, subject, key, headers, payload, position: seq, publishedAt };
}

export const toTailed = (row: MessageRow): Tailed => ({ ...toPublished(row), stream: STREAM });

export function toDelivery(row: MessageRow, deliveries: number): Delivery {
  return { ...toPublished(row), deliveries };
}

/** What whoever had a lane before leaves to the next one. */
export function inherited({ position, deliveries, batch_size, batch_end, alive }: CursorRow) {
  const inHand = batch_size > 0;
  const survived = inHand && alive;
  return {
    /** The process that had the next message in hand is dead. */
    suspect: inHand && !alive,
    /** Up to where messages are handled one at a time. */
    cautiousUntil: survived && batch_size > 1 ? position : batch_end,
    /** Of the next message; of a batch of several nobody knows which one it was. */
    deliveries: batch_size > 1 ? 0 : deliveries - (survived ? 1 : 0),
  };
}
