import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { eventually } from '@weft/kit/testing';
import { MODES, openShop, orderOf, type Shop } from './shop.ts';

const tried = (step: string) => [`checkout.invoke.${step}.begun`, `checkout.invoke.${step}.tried`];

/** Before and after each call of its saga, and where the answer to one is lost, in the order in which an order comes by. */
const COMPLETED = [
  'orders.placed',
  'checkout.invoke.reserve.begun',
  'inventory.reserved',
  'checkout.invoke.reserve.tried',
  ...tried('authorize'),
  ...tried('ship'),
  ...tried('capture'),
  'checkout.invoke.commit.begun',
  'inventory.committed',
  'checkout.invoke.commit.tried',
  'checkout.invoke.confirm.begun',
  'orders.confirmed',
  'checkout.invoke.confirm.tried',
  'checkout.saved.completed',
];
const REJECTED = [
  'checkout.saved.compensating',
  'checkout.undo.reserve.begun',
  'checkout.undo.reserve.tried',
  ...tried('reject'),
  'checkout.saved.compensated',
];

describe.each(MODES)('%s', (mode) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop(mode);
  });
  afterAll(() => shop?.booted.stop());

  /** Nobody waits for the leases of the dead, also those that their last statements may still take. */
  async function endLeases(): Promise<void> {
    if (shop.booted.runs('checkout')) return;
    const database = shop.booted.database('checkout');
    await eventually(async () => (await database.disconnectAll()) === 0);
    await database.query('UPDATE saga SET lease_until = now() WHERE lease_until > now()');
  }

  /** Starts what has died, and what is to die next at a point. */
  async function goOn(dead: string | undefined, point: string | undefined): Promise<void> {
    const next = point?.split('.')[0];
    if (next !== undefined) await shop.booted.kill(next);
    await endLeases();
    if (next !== undefined) await shop.booted.start(next, `${point}:exit`);
    // One process may be both, and may have come by its point already.
    const both = mode === 'all' || dead === next;
    if (dead !== undefined && (next === undefined || !both)) await shop.booted.start(dead);
  }

  it.each([
    ['completes', 'tok_approved', COMPLETED],
    ['rejects', 'tok_declined', REJECTED],
  ])(
    '%s an order that meets a crash at every step of its way',
    async (_, token, points) => {
      const productId = await shop.product({ price: 100n, stock: 5n });
      const buyer = await shop.customer();
      const request = orderOf(productId, 2n, token);
      await goOn(undefined, points[0]);
      const placed = eventually(() => buyer.orders.placeOrder(request), 100_000);
      for (const [index, point] of points.entries()) {
        const [service = ''] = point.split('.');
        await eventually(() => {
          if (shop.booted.runs(service)) throw new Error(`${service} has not come by ${point}`);
        }, 30_000);
        await goOn(service, points[index + 1]);
      }
      const orderId = (await placed).order?.orderId ?? '';
      await shop.booted.reconnected();
      const { status } = await shop.ended(orderId);
      await shop.booted.settle(20_000);
      const paid = token === 'tok_approved';
      expect(status).toBe(paid ? OrderStatus.ORDER_STATUS_COMPLETED : OrderStatus.ORDER_STATUS_REJECTED);
      const { captured, refunded } = await shop.payment(orderId);
      expect([captured ?? 0n, refunded ?? 0n]).toEqual([paid ? 200n : 0n, 0n]);
      expect(await shop.stock(productId)).toEqual({ onHand: paid ? 3n : 5n, reserved: 0n });
    },
    120_000,
  );
});
