import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { eventually, hasNats, startNats, type TestNats } from '@weft/kit/testing';
import { checkHealth } from '../../clients/cli/src/system/health.ts';
import { SERVICES, type Targets } from '../../clients/cli/src/system/targets.ts';
import { paidAndRefused } from './order-flows.ts';
import { MODES, openShop, orderOf, type Shop, STYLES, type Style, styled } from './shop.ts';

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

    const TOKENS = ['tok_approved', 'tok_declined', 'tok_approved'];

    /** Orders of one product: two in three of them are paid. */
    async function orders() {
      const buyer = await shop.customer();
      const productId = await shop.product({ price: 100n, stock: 1000n });
      const placed: string[] = [];
      return {
        placed,
        async place(style: Style, count: number) {
          const requests = Array.from({ length: count }, (_, index) =>
            styled(style, orderOf(productId, 2n, TOKENS[(placed.length + index) % TOKENS.length])),
          );
          const answers = await Promise.all(requests.map((request) => buyer.orders.placeOrder(request)));
          placed.push(...answers.map(({ order }) => order?.orderId ?? ''));
        },
        async endAsTheyShould() {
          const ended = await Promise.all(placed.map((orderId) => shop.ended(orderId, 60_000)));
          const completed = ended.filter(({ status }) => status === OrderStatus.ORDER_STATUS_COMPLETED);
          expect(completed).toHaveLength((placed.length * 2) / 3);
          for (const { orderId, status } of ended) {
            const kept = status === OrderStatus.ORDER_STATUS_COMPLETED ? 200n : 0n;
            const { captured = 0n, refunded = 0n } = await shop.payment(orderId);
            expect({ orderId, kept: captured - refunded }).toEqual({ orderId, kept });
          }
          await shop.booted.settle(30_000);
          expect(await shop.stock(productId)).toEqual({ onHand: 1000n - 2n * BigInt(completed.length), reserved: 0n });
        },
      };
    }

    /** What each service's probe is answered; all alike is one answer. */
    async function health() {
      const targets = Object.fromEntries(SERVICES.map((service) => [service, shop.booted.target(service)])) as Targets;
      return [...new Set((await checkHealth(targets, 5_000)).map((one) => one.health))];
    }

    /** Of each service: whether it is ready, and how it finds its bus. */
    const readiness = () =>
      Promise.all(
        SERVICES.map(async (service) => {
          const answer = await fetch(`${shop.booted.ops(service)}/readyz`);
          const body = (await answer.json()) as Record<string, { dependencies: Readonly<Record<string, string>> }>;
          return { status: answer.status, busIsWell: body[service]?.dependencies.bus === 'ok' };
        }),
      );

    describe.each(STYLES)('an order that is %s', (style) => {
      paidAndRefused(() => shop, style);

      it('is accepted while the broker is dead, and ends as it should when that is back', async () => {
        const all = await orders();
        await all.place(style, 21);
        await nats.kill();
        await all.place(style, 21);
        await nats.start();
        await all.place(style, 18);
        await all.endAsTheyShould();
      }, 120_000);
    });

    it('accepts orders of both styles while the broker is away for a minute, and brings all of them to their end', async () => {
      const all = await orders();
      await nats.kill();
      const died = performance.now();
      await eventually(async () => (await readiness()).every(({ busIsWell }) => !busIsWell), 20_000);
      do {
        for (const style of STYLES) await all.place(style, 3);
        // Whoever is not ready gets no calls in a cluster.
        expect(await health()).toEqual(['SERVING']);
        expect(await readiness()).toEqual(SERVICES.map(() => ({ status: 200, busIsWell: false })));
        await delay(5_000);
      } while (performance.now() - died < 60_000);
      await nats.start();
      await eventually(async () => (await readiness()).every(({ busIsWell }) => busIsWell), 20_000);
      await all.endAsTheyShould();
    }, 200_000);
  });
});
