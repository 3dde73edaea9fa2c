import { AuditService } from '@weft/gen/es/weft/audit/v1/audit_pb';
import { type AuditEvent, AuditKind, AuditServiceService } from '@weft/gen/grpc/weft/audit/v1/audit';
import { decodePageToken, pageOf, pageSize, UUID } from '@weft/kit/paging';
import { type ServiceBinding, serveService } from '@weft/kit/rpc';
import { fromTimestamp, toTimestamp } from '@weft/kit/time';
import type { AuditStore, Position } from '../app/ports.ts';
import type { Kind, Recorded } from '../domain/record.ts';

const KIND = {
  'state-change': AuditKind.AUDIT_KIND_STATE_CHANGE,
  operation: AuditKind.AUDIT_KIND_OPERATION,
  denial: AuditKind.AUDIT_KIND_DENIAL,
} as const satisfies Record<Kind, AuditKind>;
const KINDS = new Map<AuditKind, Kind>(Object.entries(KIND).map(([kind, value]) => [value, kind as Kind]));

export function auditHandlers(store: Pick<AuditStore, 'list'>): ServiceBinding {
  return serveService(AuditServiceService, AuditService, {
    listAuditEvents: async (request) => {
      const size = pageSize(request.pageSize, 50);
      const found = await store.list({
        userId: request.userId.toLowerCase() || undefined,
        service: request.service || undefined,
        action: request.action || undefined,
        resourceId: request.resourceId || undefined,
        correlationId: request.correlationId || undefined,
        kind: KINDS.get(request.kind),
        from: request.fromTime && fromTimestamp(request.fromTime),
        to: request.toTime && fromTimestamp(request.toTime),
        before: toPosition(request.pageToken),
        limit: size + 1,
      });
      const { items, nextPageToken } = pageOf(found, {
        size,
        position: ({ occurredAt, eventId }) => [occurredAt.toISOString(), eventId],
        bytes: ({ content }) => 512 + content.length,
      });
      return { auditEvents: items.map(toAuditEvent), nextPageToken };
    },
  });
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function toPosition(pageToken: string): Position | undefined {
  if (pageToken === '') return undefined;
  const [occurredAt, eventId] = decodePageToken(pageToken, [TIME, UUID]) as [string, string];
  return { occurredAt: new Date(occurredAt), eventId };
}

function toAuditEvent(record: Recorded): AuditEvent {
  const { eventId, kind, userId = '', content, occurredAt, recordedAt, ...same } = record;
  return {
    ...same,
    auditEventId: eventId,
    kind: KIND[kind],
    userId,
    contentJson: content,
    occurTime: toTimestamp(occurredAt),
    recordTime: toTimestamp(recordedAt),
  };
}
