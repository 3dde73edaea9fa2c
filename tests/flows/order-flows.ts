import { expect, it } from '@jest/globals';
import { PaymentStatus as OrderPayment, OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { PaymentStatus } from '@weft/gen/grpc/weft/payments/v1/payments';
import { orderOf, type Shop, type Style, styled } from './shop.ts';

/** The two ways that most orders go, whatever the system stands on. */
export function paidAndRefused(current: () => Shop, style: Style): void {
  it('is paid, taken from stock and sent when everything is well', async () => {
    const shop = current();
    const buyer = await shop.customer();
    const productId = await shop.product({ price: 250n, stock: 10n });
    const { order } = await buyer.orders.placeOrder(styled(style, orderOf(productId, 3n)));
    expect(order?.status).toBe(OrderStatus.ORDER_STATUS_PLACED);
    const ended = await shop.ended(order?.orderId ?? '');
    expect(ended).toMatchObject({
      status: OrderStatus.ORDER_STATUS_COMPLETED,
      total: { minorUnits: 750n },
      paymentStatus: OrderPayment.PAYMENT_STATUS_CAPTURED,
      customerId: buyer.id,
    });
    expect(await shop.payment(ended.orderId)).toEqual({
      status: PaymentStatus.PAYMENT_STATUS_CAPTURED,
      captured: 750n,
      refunded: 0n,
    });
    expect(await shop.stock(productId)).toEqual({ onHand: 7n, reserved: 0n });
  });

  it.each([
    ['tok_declined', 'CARD_DECLINED'],
    ['tok_insufficient_funds', 'INSUFFICIENT_FUNDS'],
    ['tok_timeout_declined', 'CARD_DECLINED'],
  ])('releases stock and takes no money when the payment is refused (%s)', async (token, reason) => {
    const shop = current();
    const buyer = await shop.customer();
    const productId = await shop.product({ stock: 5n });
    const { order } = await buyer.orders.placeOrder(styled(style, orderOf(productId, 2n, token)));
    const ended = await shop.ended(order?.orderId ?? '');
    const paymentStatus = OrderPayment.PAYMENT_STATUS_DECLINED;
    expect(ended).toMatchObject({ status: OrderStatus.ORDER_STATUS_REJECTED, reason, paymentStatus });
    expect((await shop.payment(ended.orderId)).captured ?? 0n).toBe(0n);
    expect(await shop.stock(productId)).toEqual({ onHand: 5n, reserved: 0n });
  });
}
