import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { ShipmentStatus } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { eventually } from '@weft/kit/testing';
import { addressIn, MODES, openShop, orderOf, type Shop, STYLES, type Style, styled } from './shop.ts';

const { ORDER_STATUS_CANCELLED, ORDER_STATUS_COMPLETED, ORDER_STATUS_CONFIRMED, ORDER_STATUS_REJECTED } = OrderStatus;
const { SHIPMENT_STATUS_ACCEPTED, SHIPMENT_STATUS_CANCELLED, SHIPMENT_STATUS_DISPATCHED } = ShipmentStatus;

describe.each(MODES)('%s', (mode) => {
  let shop: Shop;
  beforeAll(async () => {
    // What the carrier delays waits until a test lets it go.
    shop = await openShop(mode, { SHIPPING_CARRIER_DELAY_MS: '600000' });
  });
  afterAll(() => shop?.booted.stop());

  /** An order of two pieces for £5.00, sent to this postal code. */
  async function ordered(postalCode: string | undefined, token = 'tok_approved', style: Style = 'orchestrated') {
    const buyer = await shop.customer();
    const productId = await shop.product({ price: 250n, stock: 10n });
    const request = { ...styled(style, orderOf(productId, 2n, token)), deliveryAddress: addressIn(postalCode) };
    const { order } = await buyer.orders.placeOrder(request);
    return { buyer, productId, orderId: order?.orderId ?? '' };
  }

  /** Has the carrier collect now what it delayed. */
  const collect = (orderId: string) =>
    shop.booted.database('shipping').query('UPDATE shipment SET dispatch_at = now() WHERE shipment_id = $1', [orderId]);

  const settled = () => shop.booted.settle(20_000);

  describe('an order that is sent', () => {
    it.each([undefined, 'SW1A 1AA', 'SIM-TIMEOUT-ACCEPTED'])(
      'is complete once it has left, with postal code %s',
      async (code) => {
        const { orderId, buyer } = await ordered(code);
        const { status, deliveryAddress } = await shop.ended(orderId);
        expect(status).toBe(ORDER_STATUS_COMPLETED);
        expect(deliveryAddress?.postalCode).toBe(code);
        const { shipment } = await buyer.shipping.getShipment({ shipmentId: orderId });
        expect(shipment).toMatchObject({ status: SHIPMENT_STATUS_DISPATCHED, customerId: buyer.id, version: 2n });
        expect(shipment?.deliveryAddress?.postalCode).toBe(code);
        expect(await shop.payment(orderId)).toMatchObject({ captured: 500n, refunded: 0n });
      },
    );

    it('is never made a shipment of when its payment is refused', async () => {
      const { orderId } = await ordered('SW1A 1AA', 'tok_declined');
      expect((await shop.ended(orderId)).status).toBe(ORDER_STATUS_REJECTED);
      await expect(shop.shipment(orderId)).rejects.toMatchObject({ reason: 'SHIPMENT_NOT_FOUND' });
    });

    it('is confirmed until the carrier collects it, and then complete', async () => {
      const { orderId } = await ordered('SIM-DELAYED');
      await shop.reached(orderId, ORDER_STATUS_CONFIRMED);
      await settled();
      expect((await shop.shipment(orderId))?.status).toBe(SHIPMENT_STATUS_ACCEPTED);
      await collect(orderId);
      expect((await shop.ended(orderId)).status).toBe(ORDER_STATUS_COMPLETED);
    });
  });

  describe.each(STYLES)('a cancellation of an order that is %s', (style) => {
    it('of a confirmed order before it leaves cancels the shipment, refunds and restocks', async () => {
      const { orderId, productId, buyer } = await ordered('SIM-DELAYED', 'tok_approved', style);
      await shop.reached(orderId, ORDER_STATUS_CONFIRMED);
      await settled();
      await Promise.all([buyer.orders.cancelOrder({ orderId }), buyer.orders.cancelOrder({ orderId })]);
      expect(await shop.ended(orderId)).toMatchObject({
        status: ORDER_STATUS_CANCELLED,
        refunded: { minorUnits: 500n },
      });
      expect((await shop.shipment(orderId))?.status).toBe(SHIPMENT_STATUS_CANCELLED);
      expect(await shop.payment(orderId)).toMatchObject({ captured: 500n, refunded: 500n });
      expect(await shop.stock(productId)).toEqual({ onHand: 10n, reserved: 0n });
    });

    it('is refused once the order has left; its pieces can be returned', async () => {
      const { orderId, productId, buyer } = await ordered('SW1A 1AA', 'tok_approved', style);
      await shop.ended(orderId);
      await expect(buyer.orders.cancelOrder({ orderId })).rejects.toMatchObject({ reason: 'ORDER_COMPLETED' });
      const request = { idempotencyKey: randomUUID(), orderId, lines: [{ productId, quantity: 1n }] };
      await buyer.orders.returnItems(request);
      expect(await shop.ended(orderId)).toMatchObject({
        status: ORDER_STATUS_COMPLETED,
        refunded: { minorUnits: 250n },
      });
      expect(await shop.stock(productId)).toEqual({ onHand: 9n, reserved: 0n });
    });

    it('that races the dispatch has one winner, and money and stock follow it', async () => {
      const orders = await Promise.all(Array.from({ length: 8 }, () => ordered('SIM-DELAYED', 'tok_approved', style)));
      await Promise.all(orders.map(({ orderId }) => shop.reached(orderId, ORDER_STATUS_CONFIRMED)));
      await settled();
      await Promise.all(
        orders.map(async ({ orderId, buyer }) => {
          await Promise.all([buyer.orders.cancelOrder({ orderId }).catch(() => undefined), collect(orderId)]);
        }),
      );
      for (const { orderId, productId } of orders) {
        const { status, refunded } = await shop.ended(orderId);
        const left = status === ORDER_STATUS_COMPLETED;
        const shipment = left ? SHIPMENT_STATUS_DISPATCHED : SHIPMENT_STATUS_CANCELLED;
        expect((await shop.shipment(orderId))?.status).toBe(shipment);
        await eventually(async () => {
          const { refunded: given } = await shop.payment(orderId);
          expect([refunded?.minorUnits, given]).toEqual(left ? [0n, 0n] : [500n, 500n]);
          expect(await shop.stock(productId)).toEqual({ onHand: left ? 8n : 10n, reserved: 0n });
        });
      }
    });

    it('that comes too late says so to who watches: the order is complete', async () => {
      const { orderId, buyer } = await ordered('SIM-DELAYED', 'tok_approved', style);
      await shop.reached(orderId, ORDER_STATUS_CONFIRMED);
      await settled();
      // The shipment leaves; orders hears of it after the cancellation.
      const shipping = shop.booted.database('shipping');
      await shop.booted.database('orders').query('ALTER TABLE inbox RENAME TO away');
      await collect(orderId);
      await eventually(async () => (await shop.shipment(orderId))?.status === SHIPMENT_STATUS_DISPATCHED);
      await buyer.orders.cancelOrder({ orderId });
      await shop.booted.database('orders').query('ALTER TABLE away RENAME TO inbox');
      expect(await shop.ended(orderId)).toMatchObject({ status: ORDER_STATUS_COMPLETED, reason: '' });
      await settled();
      expect(await shop.payment(orderId)).toMatchObject({ refunded: 0n });
      // Others' may be on their way.
      const own = 'SELECT FROM shipment WHERE shipment_id = $1 AND withdraw_at < now()';
      expect(await shipping.query(own, [orderId])).toEqual([]);
    });
  });

  describe('an account that is deleted', () => {
    it('leaves no address behind, in orders or in shipping', async () => {
      const { orderId, buyer } = await ordered('SW1A 2ZZ');
      await shop.ended(orderId);
      await buyer.users.deleteUser({ userId: buyer.id });
      await settled();
      expect((await shop.admin.orders.getOrder({ orderId })).order?.deliveryAddress).toBeUndefined();
      expect((await shop.shipment(orderId))?.deliveryAddress).toBeUndefined();
      for (const [service, table] of [
        ['orders', 'order_delivery'],
        ['shipping', 'shipment_address'],
      ] as const) {
        const rows = await shop.booted.database(service).query(`SELECT * FROM ${table}`);
        expect(JSON.stringify(rows)).not.toContain('SW1A 2ZZ');
      }
    });
  });
});
