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
