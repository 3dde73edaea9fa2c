import { describe, expect, it } from '@jest/globals';
import { AuditEvent } from '@weft/gen/grpc/weft/audit/v1/audit';
import { fromTimestamp, toTimestamp } from '@weft/kit/time';
import { type AskAudit, MAX_RECORDS, readOrderRequests } from '../src/system/order-requests.ts';

const [ORDER, ANOTHER] = ['order-1', 'order-2'];
const PAGE = 1_000;
const BEGAN = Date.UTC(2026, 0, 1);

function record(resourceId: string, traceId: string, at: number, correlationId = 'shop'): AuditEvent {
  return AuditEvent.fromPartial({ resourceId, traceId, correlationId, occurTime: toTimestamp(new Date(BEGAN + at)) });
}

/** Answers as the audit does, newest first and page by page. */
function auditOf(records: readonly AuditEvent[]): { ask: AskAudit; pages: () => number } {
  const timeOf = ({ occurTime }: AuditEvent) => (occurTime ? fromTimestamp(occurTime).getTime() : 0);
  const newestFirst = records.toSorted((one, other) => timeOf(other) - timeOf(one));
  let pages = 0;
  const ask: AskAudit = async ({ resourceId, correlationId, fromTime, toTime }, pageToken) => {
    pages += 1;
    const wanted = newestFirst.filter(
      (one) =>
        (!resourceId || one.resourceId === resourceId) &&
        (!correlationId || one.correlationId === correlationId) &&
        (!fromTime || timeOf(one) >= fromTimestamp(fromTime).getTime()) &&
        (!toTime || timeOf(one) < fromTimestamp(toTime).getTime()),
    );
    const end = Number(pageToken) + PAGE;
    const nextPageToken = end < wanted.length ? String(end) : '';
    return { auditEvents: wanted.slice(end - PAGE, end), nextPageToken };
  };
  return { ask, pages: () => pages };
}

const told = (events: readonly AuditEvent[]) => events.map(({ resourceId, traceId }) => `${resourceId} in ${traceId}`);

describe('what was done for an order', () => {
  it('has nothing of other orders that came with the same correlation id', async () => {
    const { ask } = auditOf([
      record(ORDER, 'a', 0),
      record(ANOTHER, 'b', 1),
      record('stock-1', 'a', 2),
      record('stock-1', 'b', 3),
      record(ORDER, 'a', 4),
      record(ORDER, '', 5),
      record(ANOTHER, '', 6),
      record(ORDER, 'c', 7, 'cancellation'),
    ]);
    const requests = await readOrderRequests(ask, ORDER);
    expect(requests.map(({ events, ...rest }) => ({ ...rest, events: told(events) }))).toEqual([
      {
        correlationId: 'shop',
        traces: ['a'],
        events: ['order-1 in a', 'stock-1 in a', 'order-1 in a', 'order-1 in '],
        truncated: false,
      },
      { correlationId: 'cancellation', traces: ['c'], events: ['order-1 in c'], truncated: false },
    ]);
  });

  it('is found among any number of records, of which few are read', async () => {
    const AN_HOUR = 3_600_000;
    const later = Array.from({ length: 3 * MAX_RECORDS }, (_, index) => record(ANOTHER, 'b', AN_HOUR + index));
    const { ask, pages } = auditOf([record(ORDER, 'a', 0), record('stock-1', 'a', 2), ...later]);
    const [request] = await readOrderRequests(ask, ORDER);
    expect(told(request?.events ?? [])).toEqual(['order-1 in a', 'stock-1 in a']);
    expect(request?.truncated).toBe(true);
    expect(pages()).toBe(1 + MAX_RECORDS / PAGE + 1);
  });
});
