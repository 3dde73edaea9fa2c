import { status } from '@grpc/grpc-js';
import { type Order, ReturnStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { type Payment, PaymentStatus } from '@weft/gen/grpc/weft/payments/v1/payments';
import { type Shipment, ShipmentStatus } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { RemoteError } from '@weft/kit/rpc';
import { eachBounded } from '../system/bounded.ts';
import type { Clients } from '../system/clients.ts';
import { statusName } from '../system/follow.ts';
import { everyPage } from '../system/pages.ts';
import type { Session } from '../system/session.ts';
import { enumNames } from '../terminal/enum-names.ts';
import type { Evidence, OrderEvidence, PaymentEvidence, ShipmentEvidence } from './evidence.ts';

const AT_ONCE = 8;
const PAGE = 1000;

/** Reads every order with its payment and its shipment, as the administrator. */
export async function readOrders(
  clients: Pick<Clients, 'orders' | 'payments' | 'shipping'>,
  admin: Session,
  orderIds: readonly string[],
  onRead: () => void,
): Promise<Pick<Evidence, 'orders' | 'payments' | 'shipments'>> {
  const orders = new Map<string, OrderEvidence>();
  const payments = new Map<string, PaymentEvidence>();
  const shipments = new Map<string, ShipmentEvidence>();
  await eachBounded(orderIds, AT_ONCE, async (orderId) => {
    const [order, payment, shipment] = await Promise.all([
      found(admin.call((token) => clients.orders.getOrder({ orderId }, { token }))),
      found(admin.call((token) => clients.payments.getPayment({ paymentId: orderId }, { token }))),
      found(admin.call((token) => clients.shipping.getShipment({ shipmentId: orderId }, { token }))),
    ]);
    if (order?.order) orders.set(orderId, orderEvidence(order.order));
    if (payment?.payment) payments.set(orderId, paymentEvidence(payment.payment));
    if (shipment?.shipment) shipments.set(orderId, shipmentEvidence(shipment.shipment));
    onRead();
  });
  return { orders, payments, shipments };
}

/** The newest order of all; undefined when there is none. */
export async function newestOrder(orders: Clients['orders'], admin: Session): Promise<Order | undefined> {
  const request = { customerId: '', status: 0, pageSize: 1, pageToken: '' } as const;
  const page = await admin.call((token) => orders.listOrders(request, { token }));
  return page.orders[0];
}

/** Orders of the given customers that are newer than `since` and not among the known ones. */
export async function findStrangers(
  orders: Clients['orders'],
  admin: Session,
  since: Order | undefined,
  customerIds: ReadonlySet<string>,
  known: ReadonlySet<string>,
): Promise<string[]> {
  const strangers: string[] = [];
  const request = { customerId: '', status: 0, pageSize: PAGE } as const;
  const ask = (pageToken: string) => admin.call((token) => orders.listOrders({ ...request, pageToken }, { token }));
  for await (const page of everyPage(ask)) {
    for (const { orderId, customerId } of page.orders) {
      if (orderId === since?.orderId) return strangers;
      if (customerIds.has(customerId) && !known.has(orderId)) strangers.push(orderId);
    }
  }
  return strangers;
}

async function found<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RemoteError && error.code === status.NOT_FOUND) return undefined;
    throw error;
  }
}

function orderEvidence(order: Order): OrderEvidence {
  return {
    orderId: order.orderId,
    status: statusName(order.status),
    reason: order.reason,
    currency: order.total?.currencyCode ?? '',
    total: order.total?.minorUnits ?? 0n,
    refunded: order.refunded?.minorUnits ?? 0n,
    lines: order.lines.map((line) => ({
      productId: line.productId,
      stockCode: line.stockCode,
      pieces: line.quantity,
      price: line.unitPrice?.minorUnits ?? 0n,
      returned: line.returnedQuantity,
    })),
    returns: order.returns.map((one) => ({
      returnId: one.returnId,
      settled: one.status === ReturnStatus.RETURN_STATUS_SETTLED,
      refund: one.refund?.minorUnits ?? 0n,
      lines: one.lines.map((line) => ({ productId: line.productId, pieces: line.quantity })),
    })),
  };
}

export const paymentStatusName: (value: number) => string = enumNames(PaymentStatus, 'PAYMENT_STATUS_');

function paymentEvidence(payment: Payment): PaymentEvidence {
  return {
    status: paymentStatusName(payment.status),
    currency: payment.amount?.currencyCode ?? '',
    amount: payment.amount?.minorUnits ?? 0n,
    captured: payment.captured?.minorUnits ?? 0n,
    refunded: payment.refunded?.minorUnits ?? 0n,
  };
}

export const shipmentStatusName: (value: number) => string = enumNames(ShipmentStatus, 'SHIPMENT_STATUS_');

function shipmentEvidence({ status: value, lines }: Shipment): ShipmentEvidence {
  const pieces = lines.map(({ stockCode, quantity }) => ({ stockCode, pieces: quantity }));
  return { status: shipmentStatusName(value), lines: pieces };
}
