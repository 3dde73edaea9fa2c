import type { AuditEvent, ListAuditEventsRequest, ListAuditEventsResponse } from '@weft/gen/grpc/weft/audit/v1/audit';
import { fromTimestamp, toTimestamp } from '@weft/kit/time';
import { everyPage } from './pages.ts';

/** What the traces of one correlation id did for an order. */
export interface OrderRequest {
  readonly correlationId: string;
  /** Those in which the order occurs. */
  readonly traces: readonly string[];
  /** Of these traces, oldest first. */
  readonly events: readonly AuditEvent[];
  /** Whether so many records have the correlation id that some were not looked at; the order's own are all here. */
  readonly truncated: boolean;
}

type Filter = Partial<Pick<ListAuditEventsRequest, 'resourceId' | 'correlationId' | 'fromTime' | 'toTime'>>;
export type AskAudit = (filter: Filter, pageToken: string) => Promise<ListAuditEventsResponse>;

/** Records that are looked at for a request. */
export const MAX_RECORDS = 5_000;
const AROUND_MS = 60_000;

/** What was done for an order, by the correlation ids that led to it, oldest first: clients may send the same one with every order. */
export async function readOrderRequests(ask: AskAudit, orderId: string): Promise<OrderRequest[]> {
  const own = await list(ask, { resourceId: orderId });
  const requests = Map.groupBy(own.events, ({ correlationId }) => correlationId);
  requests.delete('');
  const found: OrderRequest[] = [];
  for (const [correlationId, ofOrder] of requests) {
    const traces = new Set(ofOrder.map(({ traceId }) => traceId).filter((id) => id !== ''));
    let all = await list(ask, { correlationId });
    const truncated = own.truncated || all.truncated;
    if (all.truncated) all = await list(ask, { correlationId, ...around(ofOrder) });
    const others = all.events.filter(({ resourceId, traceId }) => resourceId !== orderId && traces.has(traceId));
    const events = [...ofOrder, ...others].sort((one, other) => timeOf(one).getTime() - timeOf(other).getTime());
    found.push({ correlationId, traces: [...traces], events, truncated });
  }
  return found;
}

/** Oldest first; the newest ones where there are too many. */
async function list(ask: AskAudit, filter: Filter) {
  const events: AuditEvent[] = [];
  for await (const { auditEvents, nextPageToken } of everyPage((pageToken) => ask(filter, pageToken))) {
    events.push(...auditEvents);
    if (events.length >= MAX_RECORDS && nextPageToken !== '') return { events: events.reverse(), truncated: true };
  }
  return { events: events.reverse(), truncated: false };
}

function around(events: readonly AuditEvent[]): Filter {
  const [first, last] = [timeOf(events[0]).getTime(), timeOf(events.at(-1)).getTime()];
  return {
    fromTime: toTimestamp(new Date(Math.max(0, first - AROUND_MS))),
    toTime: toTimestamp(new Date(last + AROUND_MS)),
  };
}

export const timeOf = (event: AuditEvent | undefined): Date =>
  event?.occurTime ? fromTimestamp(event.occurTime) : new Date(0);
