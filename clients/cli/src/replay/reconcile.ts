import type { Untaken } from '../shop/reasons.ts';
import { type Difference, findDifferences, type Same } from './differences.ts';
import type { Deeds, Evidence, OrderEvidence, PaymentEvidence, ShipmentEvidence, TakenPart } from './evidence.ts';
import { accountForLines, type LineCounts } from './lines.ts';
import type { Plan, Sale } from './plan.ts';

/** The same sum from the file, from the orders service, and from the service that keeps it. */
export interface Totals {
  readonly file: bigint;
  readonly orders: bigint;
  readonly servers: bigint;
}

export interface Reconciliation {
  readonly reconciled: boolean;
  readonly differences: readonly Difference[];
  /** Number of orders by status. */
  readonly orders: ReadonlyMap<string, number>;
  /** Pence: lines taken, totals of completed orders, what payments captured. */
  readonly captured: Totals;
  /** Pence: returns taken, settled returns, what payments gave back. */
  readonly refunded: Totals;
  /** Pieces that left the shelf for good: sold less returned; in orders; on hand before less on hand now. */
  readonly pieces: Totals;
  /** Pieces reserved before and now. */
  readonly reserved: { readonly before: bigint; readonly after: bigint };
  readonly stockCodes: number;
  /** Parts of returns whose line names another price than the one that was paid and refunded. */
  readonly otherPrice: { readonly lines: number; readonly difference: bigint };
  readonly lines: LineCounts;
  readonly untaken: readonly Untaken[];
}

const CURRENCY = 'GBP';

/**
 * Compares what the servers say with what the file says, to the penny and the piece: every order line by line, its
 * payment and its returns, every stock code, and every line of the file.
 */
export function reconcile(
  plan: Plan,
  alreadyUntaken: readonly Untaken[],
  deeds: Deeds,
  evidence: Evidence,
): Reconciliation {
  const { differences, same } = findDifferences();
  const sums: Sums = { captured: nothing(), refunded: nothing(), pieces: nothing(), moved: new Map() };
  const statuses = new Map<string, number>();
  const partsOf = Map.groupBy(deeds.returned, (part) => part.orderId);
  for (const { sale, orderId } of deeds.placed) {
    const name = `invoice ${sale.invoice} (order ${orderId})`;
    const order = evidence.orders.get(orderId);
    if (!order) {
      same(name, 'placed', 'not known to orders');
      continue;
    }
    statuses.set(order.status, (statuses.get(order.status) ?? 0) + 1);
    compareOrder(name, sale, order, same);
    const returned = compareReturns(name, order, partsOf.get(orderId) ?? [], same);
    const payment = evidence.payments.get(orderId);
    compareShipment(name, order, evidence.shipments.get(orderId), same);
    if (order.status === 'COMPLETED') settleCompleted({ name, sale, order, payment, returned }, sums, same);
    else {
      const ended = order.status === 'REJECTED' || order.status === 'CANCELLED';
      same(`${name}: status`, 'an end state', ended ? 'an end state' : order.status);
      same(`${name}: money kept`, 0n, (payment?.captured ?? 0n) - (payment?.refunded ?? 0n));
      same(`${name}: refunded`, order.refunded, payment?.refunded ?? 0n);
    }
  }
  for (const [what, detail] of refusalsOf(alreadyUntaken)) same(what, 'accepted', `refused: ${detail}`);
  for (const id of evidence.strangers) same(`order ${id}`, 'none', 'placed meanwhile for a customer of the file');
  sums.pieces.file -= sum(deeds.returned, (part) => part.pieces);
  sums.pieces.orders = sum([...sums.moved.values()], (count) => count);
  const stock = compareStock(evidence, sums, same);
  same('captured', sums.captured.file, sums.captured.servers);
  same('refunded', sums.refunded.file, sums.refunded.servers);
  same('pieces off the shelf', sums.pieces.file, sums.pieces.servers);

  const accounted = accountForLines(plan, alreadyUntaken, deeds, evidence, same);
  const { captured, refunded, pieces } = sums;
  return {
    reconciled: differences.length === 0,
    differences,
    orders: statuses,
    captured,
    refunded,
    pieces,
    ...stock,
    otherPrice: otherPriceOf(deeds),
    ...accounted,
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Sums {
  readonly captured: Mutable<Totals>;
  readonly refunded: Mutable<Totals>;
  readonly pieces: Mutable<Totals>;
  /** Pieces that left the shelf for good, by stock code. */
  readonly moved: Map<string, bigint>;
}

const nothing = (): Mutable<Totals> => ({ file: 0n, orders: 0n, servers: 0n });

function compareOrder(name: string, sale: Sale, order: OrderEvidence, same: Same): void {
  compareLines(name, sale, order, same);
  same(`${name}: total`, worthOf(sale), order.total);
  same(`${name}: currency`, CURRENCY, order.currency);
}

/** What is paid for has left, all of it, and nothing else has. */
function compareShipment(name: string, order: OrderEvidence, shipment: ShipmentEvidence | undefined, same: Same): void {
  const left = shipment?.status === 'DISPATCHED';
  same(
    `${name}: shipment`,
    order.status === 'COMPLETED' ? 'has left' : 'has not left',
    left ? 'has left' : 'has not left',
  );
  if (order.status !== 'COMPLETED' || !left) return;
  const pieces = (lines: readonly { stockCode: string; pieces: bigint }[]) =>
    [...Map.groupBy(lines, ({ stockCode }) => stockCode)]
      .map(([stockCode, own]) => `${sum(own, (line) => line.pieces)} of ${stockCode}`)
      .sort()
      .join(', ');
  same(`${name}: pieces sent`, pieces(order.lines), pieces(shipment.lines));
}

interface Completed {
  readonly name: string;
  readonly sale: Sale;
  readonly order: OrderEvidence;
  readonly payment: PaymentEvidence | undefined;
  /** Pence that its returns are worth. */
  readonly returned: bigint;
}

function settleCompleted({ name, sale, order, payment, returned }: Completed, sums: Sums, same: Same): void {
  const sold = worthOf(sale);
  same(`${name}: payment`, 'CAPTURED', payment?.status ?? 'none');
  same(`${name}: currency of the payment`, CURRENCY, payment?.currency ?? 'none');
  same(`${name}: amount of the payment`, sold, payment?.amount ?? 0n);
  same(`${name}: captured`, sold, payment?.captured ?? 0n);
  same(`${name}: refunded`, returned, order.refunded);
  same(`${name}: refunded by the payment`, returned, payment?.refunded ?? 0n);
  sums.captured.file += sold;
  sums.captured.orders += order.total;
  sums.captured.servers += payment?.captured ?? 0n;
  sums.refunded.file += returned;
  sums.refunded.orders += sum(order.returns, (one) => (one.settled ? one.refund : 0n));
  sums.refunded.servers += payment?.refunded ?? 0n;
  sums.pieces.file += sum(sale.lines, (line) => line.pieces);

  const { moved } = sums;
  const move = (code: string, pieces: bigint) => moved.set(code, (moved.get(code) ?? 0n) + pieces);
  for (const line of order.lines) move(line.stockCode, line.pieces);
  const codeOf = new Map(order.lines.map((line) => [line.productId, line.stockCode]));
  const settled = order.returns.filter((one) => one.settled);
  for (const line of settled.flatMap((one) => one.lines)) move(codeOf.get(line.productId) ?? '', -line.pieces);
}

function compareStock({ stockBefore, stockAfter }: Evidence, { moved, pieces }: Sums, same: Same) {
  const codes = new Set([...stockBefore.keys(), ...stockAfter.keys(), ...moved.keys()]);
  const reserved = { before: 0n, after: 0n };
  for (const code of codes) {
    const before = stockBefore.get(code) ?? { onHand: 0n, reserved: 0n };
    const after = stockAfter.get(code) ?? { onHand: 0n, reserved: 0n };
    same(`stock ${code}: on hand`, before.onHand - (moved.get(code) ?? 0n), after.onHand);
    same(`stock ${code}: reserved`, before.reserved, after.reserved);
    pieces.servers += before.onHand - after.onHand;
    reserved.before += before.reserved;
    reserved.after += after.reserved;
  }
  return { reserved, stockCodes: codes.size };
}

function compareLines(name: string, sale: Sale, order: OrderEvidence, same: Same): void {
  const wanted = new Map(sale.lines.map((line) => [line.productId, line]));
  for (const { productId, stockCode, pieces, price } of order.lines) {
    const line = wanted.get(productId);
    wanted.delete(productId);
    same(`${name}: pieces of ${productId}`, line?.pieces ?? 0n, pieces);
    same(`${name}: price of ${productId}`, line?.price ?? 0n, price);
    same(`${name}: stock of ${productId}`, line?.stockCode ?? 'none', stockCode);
  }
  for (const line of wanted.values()) same(`${name}: pieces of ${line.productId}`, line.pieces, 0n);
}

/** Compares an order's returns with the parts that the file gave it; resolves to what they are worth. */
function compareReturns(name: string, order: OrderEvidence, parts: readonly TakenPart[], same: Same): bigint {
  const wanted = new Map<string, { productId: string; returnId: string; pieces: bigint; worth: bigint }>();
  for (const { productId, returnId, pieces, price } of parts) {
    const key = `${returnId} ${productId}`;
    const before = wanted.get(key) ?? { productId, returnId, pieces: 0n, worth: 0n };
    wanted.set(key, { ...before, pieces: before.pieces + pieces, worth: before.worth + pieces * price });
  }
  for (const { productId, returned } of order.lines) {
    const expected = sum([...wanted.values()], (one) => (one.productId === productId ? one.pieces : 0n));
    same(`${name}: returned of ${productId}`, expected, returned);
  }
  for (const { returnId, settled, refund, lines } of order.returns) {
    const own = [...wanted].filter(([, one]) => one.returnId === returnId);
    same(`${name}: return ${returnId}`, 'settled', settled ? 'settled' : 'not settled');
    same(
      `${name}: refund of return ${returnId}`,
      sum(own, ([, one]) => one.worth),
      refund,
    );
    for (const { productId, pieces } of lines) {
      const key = `${returnId} ${productId}`;
      same(`${name}: pieces of ${productId} in return ${returnId}`, wanted.get(key)?.pieces ?? 0n, pieces);
      wanted.delete(key);
    }
  }
  for (const { productId, returnId, pieces } of wanted.values()) {
    same(
      `${name}: pieces of ${productId} in return ${returnId}`,
      pieces,
      order.returns.some((one) => one.returnId === returnId) ? 0n : 'no such return',
    );
  }
  return sum(parts, (part) => part.price * part.pieces);
}

/** Invoices that a service did not accept: they have no end state, which the file would have them reach. */
function refusalsOf(untaken: readonly Untaken[]): Map<string, string> {
  const refused = untaken.filter(({ reason }) => reason === 'ORDER_REFUSED' || reason === 'RETURN_REFUSED');
  return new Map(refused.map(({ invoice, detail }) => [`invoice ${invoice}`, detail]));
}

function otherPriceOf({ returned }: Deeds): Reconciliation['otherPrice'] {
  const parts = returned.filter((part) => part.price !== part.listedPrice);
  return {
    lines: new Set(parts.map((part) => part.source.line)).size,
    difference: sum(parts, (part) => (part.listedPrice - part.price) * part.pieces),
  };
}

function worthOf(sale: Sale): bigint {
  return sum(sale.lines, (line) => line.price * line.pieces);
}

function sum<T>(items: readonly T[], of: (item: T) => bigint): bigint {
  return items.reduce((total, item) => total + of(item), 0n);
}
