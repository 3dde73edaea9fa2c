import type { Database } from '@weft/kit/store';
import { type Selectable, sql } from 'kysely';
import { type AuditStore, NotOurTurn } from '../app/ports.ts';
import { type AuditRecord, monthOf, type Recorded } from '../domain/record.ts';
import type { AuditSchema } from './schema.ts';

const TURN_MS = 15_000;

export function auditStore(database: Database<AuditSchema>): AuditStore {
  const db = database.read;
  /** Months that have their table. */
  const opened = new Set<number>();
  const openMonths = async (records: readonly AuditRecord[]) => {
    for (const month of new Set(records.map(({ occurredAt }) => monthOf(occurredAt).getTime()))) {
      if (opened.has(month)) continue;
      await sql`SELECT audit_open_month(${new Date(month)})`.execute(db);
      opened.add(month);
    }
  };
  return {
    async list({ userId, service, action, resourceId, correlationId, kind, from, to, before, limit }) {
      let query = db
        .selectFrom('audit_event')
        .selectAll()
        .orderBy('occurred_at', 'desc')
        .orderBy('event_id', 'desc')
        .limit(limit);
      if (userId !== undefined) query = query.where('user_id', '=', userId);
      if (service !== undefined) query = query.where('service', '=', service);
      if (action !== undefined) query = query.where('action', '=', action);
      if (resourceId !== undefined) query = query.where('resource_id', '=', resourceId);
      if (correlationId !== undefined) query = query.where('correlation_id', '=', correlationId);
      if (kind !== undefined) query = query.where('kind', '=', kind);
      if (from) query = query.where('occurred_at', '>=', from);
      if (to) query = query.where('occurred_at', '<', to);
      if (before) {
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('occurred_at', 'event_id'), '<', tuple(before.occurredAt, before.eventId)),
        );
      }
      return (await query.execute()).map(toRecorded);
    },
    async begin(owner, now) {
      const taken = await db
        .updateTable('audit_turn')
        .set({ owner, until: later(now) })
        .where(({ or, eb }) => or([eb('owner', '=', owner), eb('until', '<', now)]))
        .executeTakeFirst();
      if (taken.numUpdatedRows === 0n) return undefined;
      const rows = await db.selectFrom('audit_cursor').selectAll().execute();
      return new Map(rows.map(({ stream, position }) => [stream, position]));
    },
    async record(owner, now, records, cursors) {
      await openMonths(records);
      await database.transaction(async (tx) => {
        const turn = tx.sql
          .updateTable('audit_turn')
          .set({ until: later(now) })
          .where('owner', '=', owner);
        tx.defer(turn, { rows: 1, otherwise: () => new NotOurTurn('somebody else records') });
        if (records.length > 0) tx.defer(insert(records).compile(tx.sql));
        const streams = [...cursors];
        if (streams.length === 0) return;
        const moved = sql`INSERT INTO audit_cursor AS c (stream, position)
          SELECT * FROM unnest(${streams.map(([stream]) => stream)}::text[], ${streams.map(([, at]) => at)}::bigint[])
          ON CONFLICT (stream) DO UPDATE SET position = greatest(c.position, excluded.position)`;
        tx.defer(moved.compile(tx.sql));
      });
    },
    async end(owner) {
      const over = new Date(0);
      await db.updateTable('audit_turn').set({ owner: null, until: over }).where('owner', '=', owner).execute();
    },
    async forgetBefore(month) {
      opened.clear();
      await sql`SELECT audit_forget_before(${month})`.execute(db);
    },
  };
}

const later = (now: Date): Date => new Date(now.getTime() + TURN_MS);

// What is read again, after a bus was restored, is here already.
function insert(records: readonly AuditRecord[]) {
  const column = <K extends keyof AuditRecord>(name: K) => records.map((one) => one[name]);
  return sql`INSERT INTO audit_event (occurred_at, event_id, kind, service, action, resource_id, user_id, caller, method, status,
      reason, count, attempts, correlation_id, trace_id, content)
    SELECT * FROM unnest(${column('occurredAt')}::timestamptz[], ${column('eventId')}::uuid[], ${column('kind')}::text[],
      ${column('service')}::text[], ${column('action')}::text[], ${column('resourceId')}::text[],
      ${records.map(({ userId }) => userId ?? null)}::text[], ${column('caller')}::text[], ${column('method')}::text[],
      ${column('status')}::text[], ${column('reason')}::text[], ${column('count')}::bigint[], ${column('attempts')}::int[],
      ${column('correlationId')}::text[], ${column('traceId')}::text[], ${column('content')}::text[])
    ON CONFLICT DO NOTHING`;
}

function toRecorded(row: Selectable<AuditSchema['audit_event']>): Recorded {
  return {
    eventId: row.event_id,
    kind: row.kind,
    service: row.service,
    action: row.action,
    resourceId: row.resource_id,
    userId: row.user_id ?? undefined,
    caller: row.caller,
    method: row.method,
    status: row.status,
    reason: row.reason,
    count: row.count,
    attempts: row.attempts,
    correlationId: row.correlation_id,
    traceId: row.trace_id,
    content: row.content,
    occurredAt: row.occurred_at,
    recordedAt: row.recorded_at,
  };
}
