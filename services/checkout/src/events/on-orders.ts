import * as schema from '@weft/gen/es/weft/orders/v1/events_pb';
import type { Money } from '@weft/gen/grpc/weft/common/v1/money';
import {
  type EventLine,
  OrderCancellationRequested,
  OrderPlaced,
  ReturnRequested,
} from '@weft/gen/grpc/weft/orders/v1/events';
import { DeliveryMethod } from '@weft/gen/grpc/weft/orders/v1/orders';
import { contextHeaders } from '@weft/kit/context';
import { type ConsumerDefinition, consumer, defineEvent, on } from '@weft/kit/events';
import type { UnitOfWork } from '@weft/kit/store';
import type { StartSagas } from '../app/start-sagas.ts';
import { requestCancellation, startPlacement, startReturn } from '../app/start-sagas.ts';
import { checkoutTransaction } from '../store/checkout-store.ts';
import type { CheckoutSchema } from '../store/schema.ts';

const orderPlaced = defineEvent(OrderPlaced, schema.OrderPlacedSchema);
const cancellationRequested = defineEvent(OrderCancellationRequested, schema.OrderCancellationRequestedSchema);
const returnRequested = defineEvent(ReturnRequested, schema.ReturnRequestedSchema);

/**
 * One consumer for all of them, so that a cancellation is handled after the order that it is for. Choreographed orders have
 * events of their own, besides returns.
 */
export function onOrders(sagas: StartSagas): ConsumerDefinition<CheckoutSchema> {
  const transaction = (tx: UnitOfWork<CheckoutSchema>) => checkoutTransaction(tx, sagas.now);
  return consumer('checkout.orders', [
    on(orderPlaced, async ({ orderId, customerId, lines, total, paymentMethodToken, deliveryMethod }, tx) => {
      const delivered = deliveryMethod === DeliveryMethod.DELIVERY_METHOD_ADDRESS;
      const input = { customerId, lines: pieces(lines), total: amount(total), paymentMethodToken, delivered };
      await startPlacement(transaction(tx), sagas, orderId, input, contextHeaders());
    }),
    on(cancellationRequested, async ({ orderId, lines, refund }, tx) => {
      const giveBack = { lines: pieces(lines), refund: amount(refund) };
      await requestCancellation(transaction(tx), sagas, orderId, giveBack, contextHeaders());
    }),
    on(returnRequested, async ({ orderId, returnId, lines, refund }, tx) => {
      const giveBack = { lines: pieces(lines), refund: amount(refund) };
      await startReturn(transaction(tx), sagas, orderId, returnId, giveBack, contextHeaders());
    }),
  ]);
}

const pieces = (lines: readonly EventLine[]) => lines.map(({ stockCode, quantity }) => ({ stockCode, quantity }));
const amount = (money: Money | undefined) => ({
  currencyCode: money?.currencyCode ?? '',
  minorUnits: money?.minorUnits ?? 0n,
});
