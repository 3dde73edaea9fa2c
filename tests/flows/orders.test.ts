import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PaymentStatus as OrderPayment, OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { eventually } from '@weft/kit/testing';
import { addressIn, MODES, openShop, orderOf, type Shop, STYLES, styled } from './shop.ts';

describe.each(MODES)('%s', (mode) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop(mode);
  });
  afterAll(() => shop?.booted.stop());

  describe('an order', () => {
    it.each(STYLES)('goes to one of two buyers of the last piece (%s)', async (style) => {
      const buyers = await Promise.all([shop.customer(), shop.customer()]);
      const productId = await shop.product({ stock: 1n });
      const placed = await Promise.all(
        buyers.map((buyer) => buyer.orders.placeOrder(styled(style, orderOf(productId)))),
      );
      const ended = await Promise.all(placed.map(({ order }) => shop.ended(order?.orderId ?? '')));
      const statuses = new Set(ended.map(({ status }) => status));
      expect(statuses).toEqual(new Set([OrderStatus.ORDER_STATUS_COMPLETED, OrderStatus.ORDER_STATUS_REJECTED]));
      expect(await shop.stock(productId)).toEqual({ onHand: 0n, reserved: 0n });
    });

    it('is placed once however often the same request comes, also at the same time', async () => {
      const buyer = await shop.customer();
      const productId = await shop.product({ stock: 5n });
      const request = orderOf(productId, 1n);
      const placed = await Promise.all(Array.from({ length: 8 }, () => buyer.orders.placeOrder(request)));
      expect(new Set(placed.map(({ order }) => order?.orderId)).size).toBe(1);
      await shop.ended(placed[0]?.order?.orderId ?? '');
      expect(await buyer.orders.placeOrder(request)).toEqual(placed[0]);
      expect(
        (await buyer.orders.listOrders({ customerId: '', status: 0, pageSize: 0, pageToken: '' })).orders,
      ).toHaveLength(1);
      expect(await shop.stock(productId)).toEqual({ onHand: 4n, reserved: 0n });
      await expect(buyer.orders.placeOrder({ ...request, lines: [{ productId, quantity: 2n }] })).rejects.toMatchObject(
        {
          reason: 'IDEMPOTENCY_KEY_REUSED',
        },
      );
    });

    it('takes its price from the catalogue and keeps it when the catalogue changes', async () => {
      const buyer = await shop.customer();
      const productId = await shop.product({ price: 100n });
      const { order } = await buyer.orders.placeOrder(orderOf(productId));
      const price = { currencyCode: 'GBP', minorUnits: 900n };
      await shop.admin.catalog.updateProduct({
        productId,
        price,
        expectedVersion: 0n,
        title: undefined,
        description: undefined,
      });
      expect((await shop.ended(order?.orderId ?? '')).total?.minorUnits).toBe(100n);
      expect((await buyer.orders.placeOrder(orderOf(productId))).order?.total?.minorUnits).toBe(900n);
    });

    it('is seen by its customer and by staff, and by nobody else', async () => {
      const [buyer, stranger] = await Promise.all([shop.customer(), shop.customer()]);
      const { order } = await buyer.orders.placeOrder(orderOf(await shop.product()));
      const orderId = order?.orderId ?? '';
      await expect(stranger.orders.getOrder({ orderId })).rejects.toMatchObject({ reason: 'ORDER_NOT_FOUND' });
      await expect(stranger.orders.cancelOrder({ orderId })).rejects.toMatchObject({ reason: 'ORDER_NOT_FOUND' });
      await expect(
        stranger.orders.listOrders({ customerId: buyer.id, status: 0, pageSize: 0, pageToken: '' }),
      ).rejects.toMatchObject({
        reason: 'NOT_YOURS',
      });
      expect((await shop.admin.orders.getOrder({ orderId })).order?.orderId).toBe(orderId);
    });

    it('is followed live to its end, and resumed where the watch broke off', async () => {
      const buyer = await shop.customer();
      const { order } = await buyer.orders.placeOrder(orderOf(await shop.product()));
      const orderId = order?.orderId ?? '';
      const seen = [];
      for await (const change of buyer.orders.watchOrder({ orderId, resumeToken: '' })) seen.push(change);
      expect(seen.at(-1)?.status).toBe(OrderStatus.ORDER_STATUS_COMPLETED);
      expect(new Set(seen.map(({ version }) => version)).size).toBe(seen.length);
      const resumed = [];
      for await (const change of buyer.orders.watchOrder({ orderId, resumeToken: '1' })) resumed.push(change.version);
      expect(resumed).toEqual([2n, 3n]);
    });
  });

  describe('undoing an order', () => {
    it.each(STYLES)('cancels at every moment of its life, and gives back all that was taken (%s)', async (style) => {
      const buyer = await shop.customer();
      const productId = await shop.product({ price: 100n, stock: 1000n });
      const orders = await Promise.all(
        Array.from({ length: 30 }, async (_, index) => {
          const request = { ...styled(style, orderOf(productId, 2n)), deliveryAddress: addressIn('SIM-DELAYED') };
          const { order } = await buyer.orders.placeOrder(request);
          const orderId = order?.orderId ?? '';
          // A different number of reads before each cancellation spreads them over the saga's steps.
          for (let read = 0; read < index; read++) await buyer.orders.getOrder({ orderId });
          await buyer.orders.cancelOrder({ orderId });
          return shop.ended(orderId);
        }),
      );
      for (const { orderId, status } of orders) {
        expect(status).toBe(OrderStatus.ORDER_STATUS_CANCELLED);
        const { captured = 0n, refunded = 0n } = await shop
          .payment(orderId)
          .catch(() => ({ captured: 0n, refunded: 0n }));
        expect(captured).toBe(refunded);
      }
      await shop.booted.settle(20_000);
      expect(await shop.stock(productId)).toEqual({ onHand: 1000n, reserved: 0n });
    });

    it.each(STYLES)('returns in parts what was bought, never more (%s)', async (style) => {
      const buyer = await shop.customer();
      const productId = await shop.product({ price: 100n, stock: 5n });
      const { order } = await buyer.orders.placeOrder(styled(style, orderOf(productId, 4n)));
      const orderId = order?.orderId ?? '';
      await shop.ended(orderId);
      const back = (quantity: bigint) => ({ idempotencyKey: randomUUID(), orderId, lines: [{ productId, quantity }] });
      const request = back(1n);
      await Promise.all([buyer.orders.returnItems(request), buyer.orders.returnItems(request)]);
      await buyer.orders.returnItems(back(2n));
      await expect(buyer.orders.returnItems(back(2n))).rejects.toMatchObject({ reason: 'NOT_RETURNABLE' });
      const paymentStatus = OrderPayment.PAYMENT_STATUS_PARTIALLY_REFUNDED;
      expect(await shop.ended(orderId)).toMatchObject({ refunded: { minorUnits: 300n }, paymentStatus });
      expect(await shop.stock(productId)).toEqual({ onHand: 4n, reserved: 0n });
      expect(await shop.payment(orderId)).toMatchObject({ captured: 400n, refunded: 300n });
    });

    it('refuses to cancel an order that was rejected, and to return of one that has not left', async () => {
      const buyer = await shop.customer();
      const productId = await shop.product();
      const { order } = await buyer.orders.placeOrder(orderOf(productId, 1n, 'tok_declined'));
      const orderId = order?.orderId ?? '';
      await shop.ended(orderId);
      await expect(buyer.orders.cancelOrder({ orderId })).rejects.toMatchObject({ reason: 'ORDER_REJECTED' });
      const request = { idempotencyKey: randomUUID(), orderId, lines: [{ productId, quantity: 1n }] };
      await expect(buyer.orders.returnItems(request)).rejects.toMatchObject({ reason: 'ORDER_NOT_COMPLETED' });
    });

    it('shows the saga of each step to staff', async () => {
      const buyer = await shop.customer();
      const { order } = await buyer.orders.placeOrder(orderOf(await shop.product(), 1n, 'tok_declined'));
      const orderId = order?.orderId ?? '';
      await shop.ended(orderId);
      const { saga } = await eventually(() => shop.admin.checkout.getSaga({ sagaId: orderId }));
      expect(saga?.steps.map(({ name }) => name)).toEqual([
        'reserve',
        'authorize',
        'ship',
        'capture',
        'commit',
        'confirm',
        'reject',
      ]);
      await expect(buyer.checkout.getSaga({ sagaId: orderId })).rejects.toMatchObject({ reason: 'NOT_ALLOWED' });
    });
  });
});
