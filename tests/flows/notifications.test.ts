import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NotificationKind } from '@weft/gen/grpc/weft/notifications/v1/notifications';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { addressIn, MODES, openShop, orderOf, type Shop } from './shop.ts';

const { NOTIFICATION_KIND_ORDER_CANCELLED, NOTIFICATION_KIND_ORDER_COMPLETED } = NotificationKind;
const { NOTIFICATION_KIND_ORDER_CONFIRMED, NOTIFICATION_KIND_ORDER_PLACED } = NotificationKind;
const { NOTIFICATION_KIND_ORDER_REJECTED, NOTIFICATION_KIND_PAYMENT_REFUNDED } = NotificationKind;
const { NOTIFICATION_KIND_SHIPMENT_DISPATCHED, NOTIFICATION_KIND_WELCOME } = NotificationKind;

describe.each(MODES)('%s', (mode) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop(mode, { SHIPPING_CARRIER_DELAY_MS: '600000' });
  });
  afterAll(() => shop?.booted.stop());

  type Buyer = Awaited<ReturnType<Shop['customer']>>;

  /** What a customer was told, once nothing moves any more. */
  async function told(buyer: Buyer): Promise<NotificationKind[]> {
    await shop.booted.settle(20_000);
    const { notifications } = await buyer.notifications.listNotifications({ userId: '', pageSize: 0, pageToken: '' });
    return notifications.map(({ kind }) => kind).sort((one, other) => one - other);
  }

  async function ordered(token: string, postalCode?: string) {
    const buyer = await shop.customer();
    const request = { ...orderOf(await shop.product(), 1n, token), deliveryAddress: addressIn(postalCode) };
    const { order } = await buyer.orders.placeOrder(request);
    return { buyer, orderId: order?.orderId ?? '' };
  }

  describe('a customer is told, once each,', () => {
    it('of an order from its placement to its dispatch', async () => {
      const { buyer, orderId } = await ordered('tok_approved');
      await shop.ended(orderId);
      expect(await told(buyer)).toEqual([
        NOTIFICATION_KIND_WELCOME,
        NOTIFICATION_KIND_ORDER_PLACED,
        NOTIFICATION_KIND_ORDER_CONFIRMED,
        NOTIFICATION_KIND_ORDER_COMPLETED,
        NOTIFICATION_KIND_SHIPMENT_DISPATCHED,
      ]);
    });

    it('of an order that is rejected', async () => {
      const { buyer, orderId } = await ordered('tok_declined');
      await shop.ended(orderId);
      expect(await told(buyer)).toEqual([
        NOTIFICATION_KIND_WELCOME,
        NOTIFICATION_KIND_ORDER_PLACED,
        NOTIFICATION_KIND_ORDER_REJECTED,
      ]);
    });

    it('of an order that is cancelled, and of the money that comes back', async () => {
      const { buyer, orderId } = await ordered('tok_approved', 'SIM-DELAYED');
      await shop.reached(orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
      await buyer.orders.cancelOrder({ orderId });
      await shop.ended(orderId);
      expect(await told(buyer)).toEqual([
        NOTIFICATION_KIND_WELCOME,
        NOTIFICATION_KIND_ORDER_PLACED,
        NOTIFICATION_KIND_ORDER_CONFIRMED,
        NOTIFICATION_KIND_ORDER_CANCELLED,
        NOTIFICATION_KIND_PAYMENT_REFUNDED,
      ]);
    });

    it('nothing once the account is deleted, and what was told is gone', async () => {
      const { buyer, orderId } = await ordered('tok_approved', 'SIM-DELAYED');
      await shop.reached(orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
      await buyer.users.deleteUser({ userId: buyer.id });
      await shop.booted.settle(20_000);
      await shop.admin.orders.cancelOrder({ orderId });
      await shop.ended(orderId);
      expect(await told(buyer)).toEqual([]);
    });
  });
});
