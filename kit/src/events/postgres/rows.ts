import { isNativeError } from 'node:util/types';
import type { Delivery, Published } from '../bus.ts';

export interface CursorRow {
  readonly position: bigint;
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

export function toPublished({ seq, published_at: publishedAt, ...row }: MessageRow): Published {
  const { id, type, subject, key, headers, payload } = row;
  return { id, type, subject, key, headers, payload, position: seq, publishedAt };
}

export function toDelivery(row: MessageRow, deliveries: number): Delivery {
  return { ...toPublished(row), deliveries };
}

/** What a dead letter keeps of an error: bounded, and without the character that PostgreSQL's text refuses. */
export function describe(error: unknown): { message: string; stack: string } {
  const clean = (text: string, length: number) => text.replaceAll('\0', '').slice(0, length);
  if (!isNativeError(error)) return { message: clean(String(error), 2_000), stack: '' };
  return { message: clean(`${error.name}: ${error.message}`, 2_000), stack: clean(error.stack ?? '', 8_000) };
}
