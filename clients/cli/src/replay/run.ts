import { status } from '@grpc/grpc-js';
import { type PlaceOrderResponse, type ReturnItemsResponse, SagaStyle } from '@weft/gen/grpc/weft/orders/v1/orders';
import { RemoteError } from '@weft/kit/rpc';
import type { Untaken } from '../shop/reasons.ts';
import { createSlots } from '../system/bounded.ts';
import type { Clients } from '../system/clients.ts';
import { followOrder, orderSource } from '../system/follow.ts';
import { type Patience, passes } from '../system/patience.ts';
import type { Session } from '../system/session.ts';
import type { Deeds, TakenPart } from './evidence.ts';
import { createLedger, type Part } from './ledger.ts';
import { type GoodsReturn, type Plan, type Sale, untakenLine } from './plan.ts';

export interface RunOptions {
  readonly runId: string;
  /** Invoices under way at a time. */
  readonly concurrency: number;
  readonly paymentToken: string;
  readonly patience: Patience;
  /** Milliseconds after which an order that has no end state is left alone. */
  readonly orderLimit: number;
  readonly onDone: () => void;
}

export interface Run extends Deeds {
  readonly untaken: readonly Untaken[];
  /** Orders that reached an end state, and the milliseconds from the first placed to the last of these ends. */
  readonly ended: number;
  readonly milliseconds: number;
}

/**
 * Places every sale of a plan and makes every return, in the order of the file, as their customers. A return waits for the
 * customer's earlier invoices and is then divided among the sales that went through.
 */
export async function runPlan(
  plan: Plan,
  orders: Clients['orders'],
  sessions: ReadonlyMap<string, Session>,
  options: RunOptions,
): Promise<Run> {
  const slots = createSlots(options.concurrency);
  const lanes = new Map<string, Promise<unknown>>();
  const ledger = createLedger();
  const placed: { sale: Sale; orderId: string }[] = [];
  const returned: TakenPart[] = [];
  const untaken: Untaken[] = [];
  const started = performance.now();
  let ended = 0;
  let lastEnd = started;
  let failure: { error: unknown } | undefined;

  const place = async (sale: Sale, session: Session): Promise<void> => {
    const answer = await placeOrder(orders, session, sale, options);
    if ('refused' in answer) {
      const sources = sale.lines.flatMap((line) => line.sources);
      for (const source of sources)
        untaken.push(untakenLine({ ...source, ...SOLD, invoice: sale.invoice }, 'ORDER_REFUSED', answer.refused));
      return;
    }
    const orderId = answer.order?.orderId ?? '';
    placed.push({ sale, orderId });
    const end = await endOf(orders, session, orderId, options);
    if (end === undefined) return;
    ended += 1;
    lastEnd = performance.now();
    if (end === 'COMPLETED') ledger.record({ ...sale, orderId });
  };

  const giveBack = async (goods: GoodsReturn, session: Session): Promise<void> => {
    const parts: { part: Part; line: GoodsReturn['lines'][number] }[] = [];
    for (const line of goods.lines) {
      const allocated = ledger.allocate({ ...line, customer: goods.customer, before: goods.sequence });
      for (const part of allocated.parts) parts.push({ part, line });
      if (allocated.left === 0n) continue;
      untaken.push(
        untakenLine({ ...line, ...BACK, invoice: goods.invoice, pieces: allocated.left }, 'NO_EARLIER_SALE'),
      );
    }
    for (const [orderId, own] of Map.groupBy(parts, ({ part }) => part.orderId)) {
      const answer = await returnItems(
        orders,
        session,
        goods,
        orderId,
        own.map(({ part }) => part),
        options,
      );
      for (const { part, line } of own) {
        if ('refused' in answer) {
          ledger.restore(part);
          untaken.push(
            untakenLine(
              { ...line, ...BACK, invoice: goods.invoice, pieces: part.pieces },
              'RETURN_REFUSED',
              answer.refused,
            ),
          );
        } else {
          const source = { line: line.line, invoice: goods.invoice };
          returned.push({ ...part, returnId: answer.return?.returnId ?? '', source, listedPrice: line.price });
        }
      }
      if (!('refused' in answer)) await settlementOf(orders, session, orderId, options);
    }
  };

  for (const invoice of plan.invoices) {
    const release = await slots.take();
    if (failure) break;
    const lane = lanes.get(invoice.customer);
    const session = sessions.get(invoice.customer) as Session;
    const work =
      invoice.kind === 'sale' ? place(invoice, session) : Promise.resolve(lane).then(() => giveBack(invoice, session));
    const done = work
      .then(options.onDone, (error: unknown) => {
        failure ??= { error };
      })
      .finally(release);
    lanes.set(
      invoice.customer,
      Promise.all([lane, done]).then(() => {}),
    );
  }
  await Promise.all(lanes.values());
  if (failure) throw failure.error;
  return { placed, returned, untaken, ended, milliseconds: lastEnd - started };
}

const SOLD = { isReturn: false };
const BACK = { isReturn: true };

async function placeOrder(
  orders: Clients['orders'],
  session: Session,
  sale: Sale,
  { runId, paymentToken }: RunOptions,
): Promise<PlaceOrderResponse | { refused: string }> {
  const request = {
    idempotencyKey: `${runId}:${sale.invoice}`,
    customerId: '',
    lines: sale.lines.map(({ productId, pieces }) => ({ productId, quantity: pieces })),
    paymentMethodToken: paymentToken,
    deliveryAddress: undefined,
    sagaStyle: SagaStyle.SAGA_STYLE_UNSPECIFIED,
  };
  return refusable(session.call((token) => orders.placeOrder(request, { token })));
}

async function returnItems(
  orders: Clients['orders'],
  session: Session,
  goods: GoodsReturn,
  orderId: string,
  parts: readonly Part[],
  { runId }: RunOptions,
): Promise<ReturnItemsResponse | { refused: string }> {
  const quantities = new Map<string, bigint>();
  for (const { productId, pieces } of parts) quantities.set(productId, (quantities.get(productId) ?? 0n) + pieces);
  const request = {
    idempotencyKey: `${runId}:${goods.invoice}:${orderId}`,
    orderId,
    lines: [...quantities].map(([productId, quantity]) => ({ productId, quantity })),
  };
  return refusable(session.call((token) => orders.returnItems(request, { token })));
}

const REFUSALS: ReadonlySet<status> = new Set([
  status.NOT_FOUND,
  status.FAILED_PRECONDITION,
  status.INVALID_ARGUMENT,
  status.ALREADY_EXISTS,
]);

/** The stable reason of an answer that will not change when it is asked again. */
async function refusable<T>(answer: Promise<T>): Promise<T | { refused: string }> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RemoteError && REFUSALS.has(error.code)) return { refused: error.reason };
    throw error;
  }
}

/** The end state of an order; undefined when it has none within the limit. */
async function endOf(
  orders: Clients['orders'],
  session: Session,
  orderId: string,
  options: RunOptions,
): Promise<string | undefined> {
  return within(options, async (patience) => {
    let status: string | undefined;
    for await (const change of followOrder(orderSource(orders, session, orderId), { ...patience, untilEndState: true }))
      status = change.status;
    return status;
  });
}

/** Waits until no return of an order is under way, or until the limit. */
async function settlementOf(
  orders: Clients['orders'],
  session: Session,
  orderId: string,
  options: RunOptions,
): Promise<void> {
  await within(options, async (patience) => {
    for await (const _ of followOrder(orderSource(orders, session, orderId), { ...patience, untilEndState: false }));
  });
}

async function within<T>(
  { patience, orderLimit }: RunOptions,
  work: (patience: Patience) => Promise<T>,
): Promise<T | undefined> {
  const limit = AbortSignal.timeout(orderLimit);
  try {
    return await work({ ...patience, signal: AbortSignal.any([patience.signal, limit]) });
  } catch (error) {
    patience.signal.throwIfAborted();
    if (limit.aborted && (passes(error) || error === limit.reason)) return undefined;
    throw error;
  }
}
