export type Kind = 'state-change' | 'operation' | 'denial';

/** What was done, by whom and when. Nothing of it names a person but by an id. */
export interface AuditRecord {
  readonly eventId: string;
  readonly kind: Kind;
  readonly service: string;
  /** Type of the event, or full name of the method. */
  readonly action: string;
  readonly resourceId: string;
  readonly userId: string | undefined;
  readonly caller: string;
  readonly method: string;
  readonly status: string;
  readonly reason: string;
  readonly count: bigint;
  readonly correlationId: string;
  readonly traceId: string;
  /** Tries that the change took; 0 where a call led to it. */
  readonly attempts: number;
  readonly content: string;
  readonly occurredAt: Date;
}

export interface Recorded extends AuditRecord {
  readonly recordedAt: Date;
}

const MOST_CONTENT = 8 * 1024;
const DAY_MS = 24 * 3_600_000;

/** What is too long to be kept is left out as a whole: half of it would be no JSON. */
export const bounded = (content: string): string => (Buffer.byteLength(content) > MOST_CONTENT ? '' : content);

/** When a record is to be filed: a clock that is ahead of ours opens no month that is still to come. */
export function filedAt(occurredAt: Date, now: Date): Date {
  const latest = now.getTime() + DAY_MS;
  const time = occurredAt.getTime();
  return Number.isFinite(time) && time <= latest ? occurredAt : now;
}

/** The first moment of a time's month, in UTC. */
export const monthOf = (time: Date): Date => new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), 1));

/** The first moment that is kept. */
export const keptFrom = (now: Date, retentionDays: number): Date =>
  monthOf(new Date(now.getTime() - retentionDays * DAY_MS));
