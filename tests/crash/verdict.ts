import { setTimeout as delay } from 'node:timers/promises';
import { type BootedProcesses, eventually } from '@weft/kit/testing';

type Rows = Record<string, string | number | bigint | null>;

/** What was promised, and how many orders break it; each with some of them. Of orders that are still open nothing else is judged. */
export interface Finding {
  readonly promise: string;
  readonly kind: 'open' | 'lost' | 'duplicate' | 'ghost';
  readonly broken: readonly string[];
}

const ENDED = new Set(['completed', 'rejected', 'cancelled']);

export interface Patience {
  /** So long at most until nothing moves. */
  readonly settleMs: number;
  /** What has not moved for so long never will. */
  readonly stillMs: number;
}

const LOOK_MS = 5_000;
const LOOK_AGAIN_MS = 500;
const OPEN = "SELECT order_id FROM orders WHERE status NOT IN ('completed', 'rejected', 'cancelled')";

/** Compares what all services and the ledger hold, once nothing is left to be done, or what is left does not move. */
export async function judge(
  booted: BootedProcesses,
  accepted: readonly string[],
  stock: ReadonlyMap<string, bigint>,
  patience: Patience,
): Promise<Finding[]> {
  const read = (service: string, text: string) => eventually(() => booted.database(service).query<Rows>(text), 10_000);
  const unsettled = await settled(async () => {
    const pending = await booted.settle(LOOK_MS).then(
      () => [],
      (error: Error) => [error.message],
    );
    // What the carrier collects later is not under way for any process.
    const { length } = await read('orders', OPEN);
    return length > 0 ? [...pending, `${length} orders are open`] : pending;
  }, patience);
  const [orders, lines, returns, payments, letters, entries, goods] = await Promise.all([
    read('orders', 'SELECT order_id, status, total::text FROM orders'),
    read('orders', 'SELECT order_id, stock_code, (quantity - returned)::text AS kept FROM order_line'),
    read(
      'orders',
      `SELECT order_id, count(*)::int AS n, sum(refund)::text AS refund, bool_and(status = 'settled')::int AS settled
        FROM order_return GROUP BY 1`,
    ),
    read('payments', 'SELECT order_id, captured::text, refunded::text FROM payment WHERE order_id IS NOT NULL'),
    read(
      'notifications',
      'SELECT order_id, kind, count(*)::int AS n FROM notification WHERE order_id IS NOT NULL GROUP BY 1, 2',
    ),
    read('ledger', 'SELECT order_id, placed::text, ended::text, captured::text, refunded::text FROM entry'),
    read('inventory', 'SELECT stock_code, on_hand::text, reserved::text FROM stock'),
  ]);
  const byOrder = (rows: readonly Rows[]) => new Map(rows.map((row) => [String(row.order_id), row]));
  const status = new Map(orders.map((row) => [String(row.order_id), String(row.status)]));
  const paid = byOrder(payments);
  const entry = byOrder(entries);
  const returned = byOrder(returns);
  const told = new Map(letters.map((row) => [`${row.order_id} ${row.kind}`, Number(row.n)]));
  const ids = [...status.keys()];
  const open = new Set(ids.filter((id) => !ENDED.has(status.get(id) ?? '') || returned.get(id)?.settled === 0));
  const ended = ids.filter((id) => !open.has(id));
  const waiting = new Set(lines.filter((row) => open.has(String(row.order_id))).map((row) => String(row.stock_code)));
  const number = (value: Rows[string] | undefined) => BigInt(value ?? 0);
  const tellings = (id: string) => {
    const refunds = Number(returned.get(id)?.n ?? (number(paid.get(id)?.refunded) > 0n ? 1 : 0));
    const due = { 'order-placed': 1, [`order-${status.get(id)}`]: 1, 'payment-refunded': refunds };
    return Object.entries(due).map(([kind, due]) => ({ told: told.get(`${id} ${kind}`) ?? 0, due }));
  };

  const sold = new Map<string, bigint>();
  for (const { order_id, stock_code, kept } of lines) {
    if (status.get(String(order_id)) !== 'completed') continue;
    sold.set(String(stock_code), (sold.get(String(stock_code)) ?? 0n) + number(kept));
  }
  return [
    { promise: 'nothing is left to be done', kind: 'open', broken: unsettled },
    {
      promise: 'every accepted order is there',
      kind: 'lost',
      broken: accepted.filter((id) => !status.has(id)),
    },
    {
      promise: 'every order has come to an end state, and what was returned is settled',
      kind: 'open',
      broken: [...open],
    },
    {
      promise: 'captured money, less what was refunded, is the value of what customers of completed orders have kept',
      kind: 'lost',
      broken: orders
        .filter((row) => !open.has(String(row.order_id)))
        .filter((row) => {
          const payment = paid.get(String(row.order_id));
          const kept = number(payment?.captured) - number(payment?.refunded);
          const due = number(row.total) - number(returned.get(String(row.order_id))?.refund);
          return kept !== (row.status === 'completed' ? due : 0n);
        })
        .map((row) => String(row.order_id)),
    },
    {
      promise: 'stock is what completed orders left and customers sent back, and nothing stays reserved',
      kind: 'lost',
      broken: goods
        .filter(({ stock_code }) => !waiting.has(String(stock_code)))
        .filter(({ stock_code, on_hand, reserved }) => {
          const code = String(stock_code);
          const left = (stock.get(code) ?? 0n) - (sold.get(code) ?? 0n);
          return number(on_hand) !== left || number(reserved) !== 0n;
        })
        .map((row) => String(row.stock_code)),
    },
    {
      promise: 'a customer is told that an order was placed, how it ended, and of each refund',
      kind: 'lost',
      broken: ended.filter((id) => tellings(id).some(({ told, due }) => told < due)),
    },
    {
      promise: 'a customer is told nothing twice',
      kind: 'duplicate',
      broken: ended.filter((id) => tellings(id).some(({ told, due }) => told > due)),
    },
    {
      promise: 'every event has taken effect',
      kind: 'lost',
      broken: ended.filter((id) => {
        const { placed, ended, captured, refunded } = entry.get(id) ?? {};
        const payment = paid.get(id);
        const less = number(captured) < number(payment?.captured) || number(refunded) < number(payment?.refunded);
        return number(placed) < 1n || number(ended) < 1n || less;
      }),
    },
    {
      promise: 'no event has taken effect twice',
      kind: 'duplicate',
      broken: ids.filter((id) => {
        const { placed, ended, captured, refunded } = entry.get(id) ?? {};
        const payment = paid.get(id);
        const more = number(captured) > number(payment?.captured) || number(refunded) > number(payment?.refunded);
        return number(placed) > 1n || number(ended) > 1n || more;
      }),
    },
    {
      promise: 'no event tells of what was never committed',
      kind: 'ghost',
      broken: [...entry.keys()].filter((id) => !status.has(id)),
    },
  ];
}

/** @returns what is left to be done; nothing where it came to an end */
async function settled(left: () => Promise<string[]>, { settleMs, stillMs }: Patience): Promise<string[]> {
  const until = performance.now() + settleMs;
  let said = '';
  let moved = performance.now();
  for (;;) {
    const now = await left();
    if (now.length === 0 || performance.now() > until) return now;
    if (now.join() !== said) moved = performance.now();
    else if (performance.now() - moved > stillMs) return now;
    said = now.join();
    await delay(LOOK_AGAIN_MS);
  }
}
