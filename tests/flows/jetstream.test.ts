import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { hasNats, startNats, type TestNats } from '@weft/kit/testing';
import { paidAndRefused } from './order-flows.ts';
import { MODES, openShop, orderOf, type Shop, STYLES, styled } from './shop.ts';

const ORDERS = 60;

(hasNats ? describe : describe.skip)('with nats-server on the path', () => {
  describe.each(MODES)('%s', (mode) => {
    let nats: TestNats;
    let shop: Shop;
    beforeAll(async () => {
      nats = await startNats();
      shop = await openShop(mode, { NATS_URL: nats.url, NATS_ACK_WAIT_MS: '3000' });
    }, 60_000);
    afterAll(async () => {
      await shop?.booted.stop();
      await nats?.drop();
    });

    describe.each(STYLES)('an order that is %s', (style) => {
      paidAndRefused(() => shop, style);

      it('is accepted while the broker is dead, and ends as it should when that is back', async () => {
        const buyer = await shop.customer();
        const productId = await shop.product({ price: 100n, stock: 1000n });
        const tokens = ['tok_approved', 'tok_declined', 'tok_approved'];
        const requests = Array.from({ length: ORDERS }, (_, index) =>
          styled(style, orderOf(productId, 2n, tokens[index % tokens.length])),
        );
        const placed: string[] = [];
        const place = async (some: typeof requests) => {
          const orders = await Promise.all(some.map((request) => buyer.orders.placeOrder(request)));
          placed.push(...orders.map(({ order }) => order?.orderId ?? ''));
        };
        await place(requests.slice(0, 20));
        await nats.kill();
        await place(requests.slice(20, 40));
        await nats.start();
        await place(requests.slice(40));
        expect(placed).toHaveLength(ORDERS);
        const ended = await Promise.all(placed.map((orderId) => shop.ended(orderId, 60_000)));
        const completed = ended.filter(({ status }) => status === OrderStatus.ORDER_STATUS_COMPLETED);
        expect(completed).toHaveLength((ORDERS * 2) / 3);
        for (const { orderId, status } of ended) {
          const kept = status === OrderStatus.ORDER_STATUS_COMPLETED ? 200n : 0n;
          const { captured = 0n, refunded = 0n } = await shop.payment(orderId);
          expect({ orderId, kept: captured - refunded }).toEqual({ orderId, kept });
        }
        await shop.booted.settle(30_000);
        expect(await shop.stock(productId)).toEqual({ onHand: 1000n - 2n * BigInt(completed.length), reserved: 0n });
      }, 120_000);
    });
  });
});
