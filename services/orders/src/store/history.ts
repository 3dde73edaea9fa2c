import type { Insertable, Kysely, Selectable } from 'kysely';
import { sql } from 'kysely';
import type { Imported, Recorded } from '../domain/history.ts';
import { isSettled, type Order, type OrderEvent } from '../domain/order.ts';
import { type LineJson, type OrderJson, type ReturnJson, toOrderRow, toStoredOrder } from './rows.ts';
import type { OrdersSchema } from './schema.ts';

type EventType = Recorded['event']['type'];

/** What an event is called in the history: as on the bus, where it is published. */
export const EVENT_TYPES = {
  placed: 'weft.orders.v1.order_placed',
  confirmed: 'weft.orders.v1.order_confirmed',
  completed: 'weft.orders.v1.order_completed',
  rejected: 'weft.orders.v1.order_rejected',
  cancelled: 'weft.orders.v1.order_cancelled',
  'cancellation-requested': 'weft.orders.v1.order_cancellation_requested',
  'return-requested': 'weft.orders.v1.return_requested',
  'return-settled': 'weft.orders.v1.return_settled',
  imported: 'weft.orders.v1.order_imported',
} as const satisfies Record<EventType, string>;

const NAMES = new Map(Object.entries(EVENT_TYPES).map(([name, type]) => [type as string, name as EventType]));

const ORCHESTRATED = { sagaStyle: 'orchestrated' } as const;

/** @param order as it was after the event */
export function eventRow(
  order: Order,
  { type, ...content }: OrderEvent,
  correlationId: string,
): Insertable<OrdersSchema['order_events']> {
  const { orderId, version, status, reason, payment, updatedAt } = order;
  return {
    order_id: orderId,
    version,
    type: EVENT_TYPES[type],
    payload: JSON.stringify(content, withoutBigints),
    status,
    reason,
    payment,
    settled: isSettled(order),
    occurred_at: updatedAt,
    correlation_id: correlationId,
  };
}

/** The histories of orders, without what was recorded before an order had one. */
export async function readHistories(
  db: Kysely<OrdersSchema>,
  orderIds: readonly string[],
): Promise<Map<string, Recorded[]>> {
  const rows = await db
    .selectFrom('order_events')
    .select(['order_id', 'version', 'type', 'payload', 'occurred_at'])
    .where('order_id', '=', sql<string>`any(${orderIds}::uuid[])`)
    .where('payload', 'is not', null)
    .orderBy('order_id')
    .orderBy('version')
    .execute();
  const histories = new Map<string, Recorded[]>();
  for (const row of rows) {
    const history = histories.get(row.order_id) ?? [];
    histories.set(row.order_id, history);
    history.push(toRecorded(row));
  }
  return histories;
}

type Row = Pick<Selectable<OrdersSchema['order_events']>, 'order_id' | 'version' | 'type' | 'payload' | 'occurred_at'>;

function toRecorded({ order_id, version, type, payload, occurred_at }: Row): Recorded {
  const name = NAMES.get(type);
  if (!name) throw new Error(`the history of order ${order_id} has an event of the unknown type ${type}`);
  return { version, at: occurred_at, event: toEvent(name, payload) };
}

function toEvent(type: EventType, payload: unknown): OrderEvent | Imported {
  switch (type) {
    case 'placed': {
      const { lines, ...placed } = payload as Stored<'placed'>;
      const hydrate = (line: (typeof lines)[number]) => {
        return { ...line, quantity: BigInt(line.quantity), unitPrice: BigInt(line.unitPrice) };
      };
      // Orders of before there were styles say none.
      return { type, ...ORCHESTRATED, ...placed, lines: lines.map(hydrate) };
    }
    case 'return-requested': {
      const { returnId, lines, refund } = payload as Stored<'return-requested'>;
      const pieces = lines.map(({ productId, quantity }) => ({ productId, quantity: BigInt(quantity) }));
      return { type, returnId, lines: pieces, refund: BigInt(refund) };
    }
    case 'imported': {
      const { order, lines, returns } = payload as Snapshot;
      return { type, order: toStoredOrder({ ...toOrderRow(order), lines, returns }) };
    }
    default:
      return { type, ...(payload as object) } as OrderEvent;
  }
}

type Plain<T> = T extends bigint
  ? number
  : T extends readonly (infer One)[]
    ? readonly Plain<One>[]
    : T extends object
      ? { readonly [Key in keyof T]: Plain<T[Key]> }
      : T;
type Stored<T extends OrderEvent['type']> = Plain<Omit<Extract<OrderEvent, { type: T }>, 'type'>>;

/** What the function order_snapshot of the database gives. */
interface Snapshot {
  readonly order: OrderJson;
  readonly lines: LineJson[];
  readonly returns: ReturnJson[];
}

// JSON has no bigint; the contract bounds ours below 2^53.
function withoutBigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
