import type { AuditRecord, Kind, Recorded } from '../domain/record.ts';

/** Where a record stands in the list. */
export interface Position {
  readonly occurredAt: Date;
  readonly eventId: string;
}

/** Only records that have all that is named. */
export interface AuditFilter {
  readonly userId: string | undefined;
  readonly service: string | undefined;
  readonly action: string | undefined;
  readonly resourceId: string | undefined;
  readonly correlationId: string | undefined;
  readonly kind: Kind | undefined;
  readonly from: Date | undefined;
  readonly to: Date | undefined;
  /** Only records before this one, newest first. */
  readonly before: Position | undefined;
  readonly limit: number;
}

/** Of each stream of events, how far it has been recorded. */
export type Cursors = ReadonlyMap<string, bigint>;

/** Somebody else records. */
export class NotOurTurn extends Error {}

export interface AuditStore {
  list(filter: AuditFilter): Promise<Recorded[]>;
  /** Takes the turn to record, for a while. Undefined while somebody else has it. */
  begin(owner: string, now: Date): Promise<Cursors | undefined>;
  /** Keeps the turn, and adds records, each once, together with how far that is. @throws NotOurTurn */
  record(owner: string, now: Date, records: readonly AuditRecord[], cursors: Cursors): Promise<void>;
  /** Leaves the turn to others. */
  end(owner: string): Promise<void>;
  /** Lets go of the months that end before this one, with all that was recorded of them. */
  forgetBefore(month: Date): Promise<void>;
}
