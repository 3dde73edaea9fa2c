import type {
  Deeds,
  Evidence,
  OrderEvidence,
  PaymentEvidence,
  ShipmentEvidence,
  TakenPart,
} from '../src/replay/evidence.ts';
import { createLedger } from '../src/replay/ledger.ts';
import { type Plan, untakenLine } from '../src/replay/plan.ts';
import type { Untaken } from '../src/shop/reasons.ts';

const ON_HAND = 1_000_000n;

/** What servers without a fault would say of a plan, where they reject the given invoices. */
export function replayPerfectly(plan: Plan, rejected: ReadonlySet<string> = new Set()) {
  const ledger = createLedger();
  const placed: { sale: Extract<Plan['invoices'][number], { kind: 'sale' }>; orderId: string }[] = [];
  const returned: TakenPart[] = [];
  const untaken: Untaken[] = [...plan.untaken];
  for (const invoice of plan.invoices) {
    if (invoice.kind === 'sale') {
      const orderId = `order-${invoice.invoice}`;
      placed.push({ sale: invoice, orderId });
      if (!rejected.has(invoice.invoice)) ledger.record({ ...invoice, orderId });
      continue;
    }
    for (const line of invoice.lines) {
      const { parts, left } = ledger.allocate({ ...line, customer: invoice.customer, before: invoice.sequence });
      const source = { line: line.line, invoice: invoice.invoice };
      for (const part of parts) {
        returned.push({ ...part, source, listedPrice: line.price, returnId: `${invoice.invoice}/${part.orderId}` });
      }
      const rest = { ...line, invoice: invoice.invoice, isReturn: true, pieces: left };
      if (left > 0n) untaken.push(untakenLine(rest, 'NO_EARLIER_SALE'));
    }
  }
  const deeds: Deeds = { placed, returned };
  return { untaken, deeds, evidence: evidenceOf(deeds, rejected) };
}

function evidenceOf({ placed, returned }: Deeds, rejected: ReadonlySet<string>): Evidence {
  const orders = new Map<string, OrderEvidence>();
  const payments = new Map<string, PaymentEvidence>();
  const shipments = new Map<string, ShipmentEvidence>();
  const stockBefore = new Map<string, { onHand: bigint; reserved: bigint }>();
  const stockAfter = new Map<string, { onHand: bigint; reserved: bigint }>();
  for (const { sale, orderId } of placed) {
    const completed = !rejected.has(sale.invoice);
    const parts = returned.filter((part) => part.orderId === orderId);
    const total = sum(sale.lines.map(({ price, pieces }) => price * pieces));
    const refunded = sum(parts.map(({ price, pieces }) => price * pieces));
    const returnedOf = (productId: string) =>
      sum(parts.map((part) => (part.productId === productId ? part.pieces : 0n)));
    orders.set(orderId, {
      orderId,
      status: completed ? 'COMPLETED' : 'REJECTED',
      reason: completed ? '' : 'OUT_OF_STOCK',
      currency: 'GBP',
      total,
      refunded,
      lines: sale.lines.map(({ productId, stockCode, pieces, price }) => ({
        productId,
        stockCode,
        pieces,
        price,
        returned: returnedOf(productId),
      })),
      returns: [...Map.groupBy(parts, ({ returnId }) => returnId)].map(([returnId, own]) => ({
        returnId,
        settled: true,
        refund: sum(own.map(({ price, pieces }) => price * pieces)),
        lines: [...Map.groupBy(own, ({ productId }) => productId)].map(([productId, same]) => ({
          productId,
          pieces: sum(same.map(({ pieces }) => pieces)),
        })),
      })),
    });
    if (completed)
      payments.set(orderId, { status: 'CAPTURED', currency: 'GBP', amount: total, captured: total, refunded });
    const sent = sale.lines.map(({ stockCode, pieces }) => ({ stockCode, pieces }));
    if (completed) shipments.set(orderId, { status: 'DISPATCHED', lines: sent });
    for (const { stockCode, productId, pieces } of sale.lines) {
      stockBefore.set(stockCode, { onHand: ON_HAND, reserved: 0n });
      const now = stockAfter.get(stockCode) ?? { onHand: ON_HAND, reserved: 0n };
      const gone = completed ? pieces - returnedOf(productId) : 0n;
      stockAfter.set(stockCode, { ...now, onHand: now.onHand - gone });
    }
  }
  return { orders, payments, shipments, stockBefore, stockAfter, strangers: [] };
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}
