import { CallAudited } from '@weft/gen/grpc/weft/audit/v1/events';
import type { EventReader, Published } from '@weft/kit/events';
import { parseTraceparent } from '@weft/kit/telemetry';
import { type AuditRecord, bounded, filedAt } from '../domain/record.ts';

const CALL_AUDITED = /^weft\.[a-z\d]+\.v1\.call_audited$/;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const MOST_TEXT = 512;

/** What an event tells the audit; undefined where it is none of ours: it has no id. */
export async function toRecord(event: Published, reader: EventReader, now: Date): Promise<AuditRecord | undefined> {
  const { id, type, key, headers, publishedAt } = event;
  if (!UUID.test(id)) return undefined;
  const header = (name: string) => text(headers[name] ?? '');
  const time = headers['ce-time'];
  const common = {
    eventId: id,
    service: type.split('.')[1] ?? '',
    correlationId: header('correlation-id'),
    traceId: parseTraceparent(headers.traceparent)?.traceId ?? '',
    occurredAt: filedAt(time === undefined ? publishedAt : new Date(time), now),
  };
  if (CALL_AUDITED.test(type)) return { ...common, ...ofCall(event) };
  return {
    ...common,
    kind: 'state-change',
    action: text(type),
    resourceId: text(key),
    userId: header('weft-user') || undefined,
    caller: header('weft-caller'),
    method: header('weft-method'),
    status: 'OK',
    reason: '',
    count: 1n,
    attempts: attemptsOf(headers['weft-attempt']),
    content: storable(await reader.json(event)),
  };
}

type OfCall = Omit<AuditRecord, 'eventId' | 'service' | 'correlationId' | 'traceId' | 'occurredAt'>;

function ofCall({ key, payload, headers }: Published): OfCall {
  const call = decoded(payload);
  const method = text(call?.method || key);
  const userId = text(call?.userId ?? '') || undefined;
  const ok = call?.status === 'OK';
  return {
    kind: ok ? 'operation' : 'denial',
    action: method,
    resourceId: '',
    userId: userId ?? (ok ? text(headers['weft-user'] ?? '') || undefined : undefined),
    caller: text(call?.caller ?? ''),
    method,
    status: text(call?.status ?? ''),
    reason: text(call?.reason ?? ''),
    attempts: 0,
    count: call && call.count > 0n ? call.count : 1n,
    content: storable(call?.requestJson ?? ''),
  };
}

/** What cannot be read is recorded without its content. */
function decoded(payload: Uint8Array): CallAudited | undefined {
  try {
    return CallAudited.decode(payload);
  } catch {
    return undefined;
  }
}

const ATTEMPTS = /^[1-9]\d{0,8}$/;
const attemptsOf = (header = ''): number => (ATTEMPTS.test(header) ? Number(header) : 0);

// PostgreSQL refuses a NUL in any text.
const text = (value: string): string => value.replaceAll('\0', '').slice(0, MOST_TEXT);
const storable = (json: string): string => (json.includes('\0') ? '' : bounded(json));
