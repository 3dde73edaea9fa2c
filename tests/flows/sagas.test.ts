import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderStatus, PaymentStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { type Bus, type Message, openPostgresBus } from '@weft/kit/events';
import { createLogger } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';
import { type Held, type Look, SCENARIOS, type Scenario, type Seen } from './scenarios.ts';
import { addressIn, MODES, openShop, orderOf, SAGA_STYLE, type Shop, STYLES, type Style } from './shop.ts';

const PRICE = 250n;
const WANTED = 2n;

function paymentOf({ ends, token = '' }: Scenario, refunded: bigint) {
  if (ends === 'COMPLETED') return 'CAPTURED';
  if (/declined|insufficient/.test(token)) return 'DECLINED';
  return refunded > 0n ? 'REFUNDED' : 'VOIDED';
}

describe.each(MODES)('%s', (mode) => {
  let shop: Shop;
  let bus: Bus;
  const played: { scenario: Scenario; orderId: string; productId: string }[] = [];
  beforeAll(async () => {
    // What the carrier delays is not collected here.
    shop = await openShop(mode, { SHIPPING_CARRIER_DELAY_MS: '600000' });
    const logger = createLogger({ level: 'silent', pretty: false });
    bus = openPostgresBus({ url: shop.booted.bus.url, name: 'test', logger });
  });
  afterAll(async () => {
    await bus?.close();
    await shop?.booted.stop();
  });

  const missing = () => undefined;
  const lookAt = (orderId: string, productId: string): Look => ({
    order: async () => (await shop.admin.orders.getOrder({ orderId })).order?.status,
    payment: async () => (await shop.payment(orderId).catch(missing))?.status,
    shipment: async () => (await shop.shipment(orderId).catch(missing))?.status,
    reserved: async () => (await shop.stock(productId)).reserved ?? 0n,
  });

  const rename = (service: string, from: string, to: string) =>
    shop.booted.database(service).query(`ALTER TABLE ${from} RENAME TO ${to}`);
  const hold = ([service, table]: Held) => rename(service, table, `${table}_away`);
  const letGo = ([service, table]: Held) => rename(service, `${table}_away`, table);
  // A service that is held answers nothing.
  const seen = (see: Seen, look: Look) =>
    eventually(async () => (await see(look)) || Promise.reject(new Error('not yet')));

  /** To the order's coordinator; where it has none, to the bus, which tells nobody of what comes after it before. */
  const cancellationIsKnown = (orderId: string, style: Style) =>
    eventually(async () => {
      const rows = (service: string, from: string) => shop.booted.database(service).query(`SELECT FROM ${from}`);
      const asked = `saga WHERE order_id = '${orderId}' AND (cancellation IS NOT NULL OR kind = 'cancel-order')`;
      const known =
        style === 'orchestrated'
          ? (await rows('checkout', asked)).length > 0
          : (await rows('orders', 'outbox')).length === 0;
      if (!known) throw new Error('the cancellation is not known yet');
    });

  /** Takes an order through a scenario to its end. */
  async function play(scenario: Scenario, style: Style, placed: (orderId: string) => void = () => undefined) {
    const { token = 'tok_approved', postalCode, stock = 10n, cancelled } = scenario;
    const buyer = await shop.customer();
    const productId = await shop.product({ price: PRICE, stock });
    const holds = cancelled?.holds ?? [];
    if (holds[0]) await hold(holds[0].held);
    const sagaStyle = SAGA_STYLE[style];
    const request = { ...orderOf(productId, WANTED, token), deliveryAddress: addressIn(postalCode), sagaStyle };
    const { order } = await buyer.orders.placeOrder(request);
    expect(order).toMatchObject({ status: OrderStatus.ORDER_STATUS_PLACED, sagaStyle });
    const orderId = order?.orderId ?? '';
    placed(orderId);
    const look = lookAt(orderId, productId);
    for (const [index, { held, until }] of holds.entries()) {
      const next = holds[index + 1];
      if (!until || !next) continue;
      await seen(until, look);
      await hold(next.held);
      await letGo(held);
    }
    if (cancelled) {
      if (cancelled.when) await seen(cancelled.when, look);
      await buyer.orders.cancelOrder({ orderId });
      const last = holds.at(-1);
      if (last) {
        await cancellationIsKnown(orderId, style);
        await letGo(last.held);
      }
    }
    return { ended: await shop.ended(orderId), orderId, productId, buyer };
  }

  /** Money and stock say the same as the order's end, and stay so. */
  async function expectEnd(scenario: Scenario, orderId: string, productId: string): Promise<void> {
    const { ends, reason, stock = 10n, cancelled } = scenario;
    await shop.booted.settle(20_000);
    const { order } = await shop.admin.orders.getOrder({ orderId });
    const total = PRICE * WANTED;
    const payment = await shop.payment(orderId).catch(missing);
    const captured = payment?.captured ?? 0n;
    const refunded = payment?.refunded ?? 0n;
    expect(order).toMatchObject({
      status: OrderStatus[`ORDER_STATUS_${ends}`],
      reason: reason ?? (ends === 'CANCELLED' ? 'CANCELLED' : ''),
      refunded: { minorUnits: refunded },
      paymentStatus: PaymentStatus[`PAYMENT_STATUS_${paymentOf(scenario, refunded)}`],
    });
    expect(captured - refunded).toBe(ends === 'COMPLETED' ? total : 0n);
    if (cancelled?.paid !== 'perhaps') expect(refunded).toBe(cancelled?.paid ? total : 0n);
    expect(await shop.stock(productId)).toEqual({
      onHand: ends === 'COMPLETED' ? stock - WANTED : stock,
      reserved: 0n,
    });
    expect(await bus.deadLetters()).toEqual([]);
  }

  describe.each(STYLES)('an order that is %s', (style) => {
    it.each(SCENARIOS)('$name', async (scenario) => {
      const { orderId, productId } = await play(scenario, style);
      await expectEnd(scenario, orderId, productId);
      played.push({ scenario, orderId, productId });
    });
  });

  it('leaves neither payment tokens nor what was ordered behind where orders are choreographed', async () => {
    await shop.booted.settle(20_000);
    for (const service of ['payments', 'shipping'])
      expect(await shop.booted.database(service).query("SELECT FROM fact WHERE facts ? 'placed'")).toEqual([]);
  });

  it('stays as it ended when every event is delivered once more', async () => {
    await shop.booted.bus.query('UPDATE bus.consumer SET position = 0');
    // Whoever has lost its connection asks where it was.
    await shop.booted.bus.disconnectAll();
    for (const { scenario, orderId, productId } of played) await expectEnd(scenario, orderId, productId);
  });

  describe.each(STYLES)('an order that is %s', (style) => {
    const repeated = SCENARIOS.filter(({ cancelled }) => !cancelled || cancelled.holds.length === 0);

    it.each(repeated)(
      'comes to the same end ($name) though its events come twice, in another order and late',
      async (scenario) => {
        const echo = echoes();
        try {
          const { orderId, productId } = await play(scenario, style, echo.of);
          await echo.stop();
          await expectEnd(scenario, orderId, productId);
          await echo.again(orderId);
          await expectEnd(scenario, orderId, productId);
        } finally {
          await echo.stop();
        }
      },
    );
  });

  /** Events of an order as if they were others: the inbox knows none of them. */
  function echoes() {
    const ours = new Set<string>();
    let stopped = false;
    let running = Promise.resolve();
    const again = async (orderId: string) => {
      const sql = 'SELECT id, type, subject, key, headers, payload FROM bus.message WHERE key = $1 ORDER BY seq DESC';
      const messages = await shop.booted.bus.query<Message>(sql, [orderId]);
      const copies = messages.filter(({ id }) => !ours.has(id)).map((one) => ({ ...one, id: randomUUID() as string }));
      for (const { id } of copies) ours.add(id);
      await bus.publish(copies);
    };
    return {
      again,
      /** From now on, all the time. */
      of(orderId: string) {
        running = (async () => {
          while (!stopped) await again(orderId);
        })();
      },
      async stop() {
        stopped = true;
        await running;
      },
    };
  }
});
