import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { eventually } from '@weft/kit/testing';
import { type Bundled, bundled } from './bundles.ts';
import { MODES, openShop, orderOf, PROCESSES, type Shop, styled } from './shop.ts';

const LEASES = [
  ['checkout', 'UPDATE saga SET lease_until = now() WHERE lease_until > now()'],
  ['payments', 'UPDATE fact SET due_at = now() WHERE due_at > now()'],
  ['shipping', 'UPDATE fact SET due_at = now() WHERE due_at > now()'],
] as const;

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

const step = (service: string, name: string) => [`${service}.${name}.begun`, `${service}.${name}.tried`];
const heard = (service: string, event: string) => [
  `${service}.choreography.weft.${event}_choreographed.begun`,
  `${service}.choreography.weft.${event}_choreographed.handled`,
];
/** Before and after each reaction of a service, and of each event that it follows from. */
const COMPLETED_BY_EVENTS = [
  'orders.placed',
  ...step('inventory', 'reserve'),
  ...heard('payments', 'inventory.v1.stock_reserved'),
  ...step('payments', 'authorize'),
  ...heard('shipping', 'payments.v1.payment_authorized'),
  ...step('shipping', 'create'),
  ...heard('payments', 'shipping.v1.shipment_created'),
  ...step('payments', 'capture'),
  ...heard('inventory', 'payments.v1.payment_captured'),
  ...heard('orders', 'inventory.v1.stock_committed'),
];
const REJECTED_BY_EVENTS = [
  ...step('payments', 'authorize'),
  ...step('inventory', 'release'),
  ...heard('orders', 'inventory.v1.stock_released'),
];

describe.each(MODES)('%s', (mode) => {
  let bundles: Bundled;
  let shop: Shop;
  beforeAll(async () => {
    bundles = await bundled(PROCESSES[mode]);
    shop = await openShop(bundles.processes);
  });
  afterAll(async () => {
    await shop?.booted.stop();
    await bundles?.remove();
  });

  /** Nobody waits for the leases of the dead, also those that their last statements may still take. */
  async function endLeases(): Promise<void> {
    for (const [service, statement] of LEASES) {
      if (shop.booted.runs(service)) continue;
      const database = shop.booted.database(service);
      await eventually(async () => (await database.disconnectAll()) === 0);
      await database.query(statement);
    }
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
    ['completes', 'orchestrated', 'tok_approved', COMPLETED],
    ['rejects', 'orchestrated', 'tok_declined', REJECTED],
    ['completes', 'choreographed', 'tok_approved', COMPLETED_BY_EVENTS],
    ['rejects', 'choreographed', 'tok_declined', REJECTED_BY_EVENTS],
  ] as const)(
    '%s an %s order that meets a crash at every step of its way',
    async (_, style, token, points) => {
      const productId = await shop.product({ price: 100n, stock: 5n });
      const buyer = await shop.customer();
      const request = styled(style, orderOf(productId, 2n, token));
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
    240_000,
  );
});
