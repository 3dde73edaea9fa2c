import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as schema from '@weft/gen/es/weft/orders/v1/events_pb';
import { OrderPlaced } from '@weft/gen/grpc/weft/orders/v1/events';
import { defineEvent, openPostgresBus } from '@weft/kit/events';
import { createLogger } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';
import { type Collector, startCollector } from './collector.ts';
import { openShop, orderOf, type Shop } from './shop.ts';

// Values that nobody could have made up, planted wherever they may be sent, and searched wherever the system tells of itself.
const MARK = randomUUID().slice(0, 8);
const EMAIL = `mark-email-${MARK}@shop.example`;
const NAME = `Marked Name ${MARK}`;
const PASSWORD = `mark-password-${MARK}`;
const WRONG_PASSWORD = `mark-wrong-password-${MARK}`;
const PAYMENT = `tok_mark_${MARK}`;
const CARD = '4000056655665556';
const ADDRESS = {
  recipient: `mark-recipient-${MARK}`,
  street: `mark-street-${MARK}`,
  city: `mark-city-${MARK}`,
  postalCode: `MK-${MARK}`,
  countryCode: 'GB',
};
const FORGED = `eyJtYXJr.${MARK}.forged`;

describe('values that are personal or secret', () => {
  let shop: Shop;
  let collector: Collector;
  const marks: string[] = [
    EMAIL,
    NAME,
    PASSWORD,
    WRONG_PASSWORD,
    PAYMENT,
    CARD,
    FORGED,
    ADDRESS.recipient,
    ADDRESS.street,
    ADDRESS.city,
    ADDRESS.postalCode,
  ];
  const denied = async (call: Promise<unknown>) => {
    await call.then(
      () => {
        throw new Error('it was not refused');
      },
      () => {},
    );
  };

  beforeAll(async () => {
    collector = await startCollector();
    const observed = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, TRACE_PERCENT: '100', LOG_LEVEL: 'debug' };
    shop = await openShop('all', observed);
    const nobody = await shop.customer();
    const { users } = nobody;
    await users.register({ email: EMAIL, password: PASSWORD, fullName: NAME });
    const { accessToken, ...session } = await users.login({ email: EMAIL, password: PASSWORD });
    marks.push(accessToken.split('.')[2] as string, accessToken);
    if ('refreshToken' in session && session.refreshToken) marks.push(String(session.refreshToken));
    await denied(users.login({ email: EMAIL, password: WRONG_PASSWORD }));
    await denied(users.login({ email: CARD, password: WRONG_PASSWORD }));
    await denied(users.register({ email: EMAIL, password: PASSWORD, fullName: NAME }));
    const as = { token: accessToken };
    const product = await shop.product();
    const good = { ...orderOf(product), deliveryAddress: ADDRESS };
    const { order } = await nobody.orders.placeOrder(good, as);
    await shop.ended(order?.orderId ?? '');
    const { order: refused } = await nobody.orders.placeOrder({ ...orderOf(product, 1n, PAYMENT) }, as);
    await shop.ended(refused?.orderId ?? '').catch(() => {});
    await denied(nobody.orders.placeOrder({ ...good, idempotencyKey: randomUUID(), paymentMethodToken: CARD }, as));
    await denied(nobody.orders.placeOrder({ ...good, deliveryAddress: { ...ADDRESS, street: CARD } }, as));
    await denied(nobody.orders.getOrder({ orderId: order?.orderId ?? '' }, { token: FORGED }));
    await denied(nobody.inventory.setStock({ stockCode: CARD, onHand: 1n }, as));
    await denied(nobody.users.listUsers({ pageSize: 0, pageToken: '' } as never, as));
    // A dead letter whose event has a secret: it names another aggregate than it is of.
    const placed = defineEvent(OrderPlaced, schema.OrderPlacedSchema);
    const event = placed.create({
      ...OrderPlaced.decode(new Uint8Array()),
      orderId: randomUUID(),
      version: 1n,
      paymentMethodToken: PAYMENT,
    });
    const key = randomUUID();
    const bus = openPostgresBus({
      url: shop.booted.bus.url,
      name: 'test',
      logger: createLogger({ level: 'silent', pretty: false }),
    });
    await bus.publish([{ ...event, key, subject: `${event.type}.${key}` }]);
    await bus.close();
    await shop.booted.settle(30_000);
  }, 180_000);
  afterAll(async () => {
    await shop?.booted.stop();
    await collector?.stop();
  });

  const found = (text: string) => marks.filter((mark) => text.includes(mark));

  it('are in no line of the log, at the level that tells most', () => {
    const { logs } = shop.booted;
    expect(logs.length).toBeGreaterThan(100);
    expect(found(JSON.stringify(logs))).toEqual([]);
  });

  it('are in no span', async () => {
    await eventually(() => {
      const names = new Set(collector.spans.map(({ name }) => name));
      return names.has('weft.users.v1.UsersService/Login') && names.has('saga place-order');
    }, 20_000);
    const sent = Buffer.concat(collector.bodies).toString('latin1');
    expect(sent).toContain('PlaceOrder');
    expect(found(sent)).toEqual([]);
  }, 30_000);

  it('are in no metric', async () => {
    const text = await (await fetch(`${shop.booted.ops('orders')}/metrics`)).text();
    expect(text).toContain('PlaceOrder');
    expect(found(text)).toEqual([]);
  });

  it('are in no row of the audit, which has the calls that were refused', async () => {
    const text = await eventually(async () => {
      const rows = await shop.booted
        .database('audit')
        .query<{ row: string }>('SELECT e::text AS row FROM audit_event e');
      const all = rows.map(({ row }) => row).join('\n');
      for (const wanted of ['TOKEN_INVALID', 'NOT_ALLOWED', 'BAD_CREDENTIALS', 'order_placed', 'user_registered'])
        if (!all.includes(wanted)) throw new Error(`${wanted} is not recorded yet`);
      return all;
    }, 20_000);
    expect(found(text)).toEqual([]);
  }, 30_000);

  it('are in no dead letter as operators see it', async () => {
    const letters = await eventually(async () => {
      const client = shop.eventOperations('checkout');
      const { deadLetters } = await client.listDeadLetters({ consumer: '' });
      if (deadLetters.length === 0) throw new Error('not there yet');
      return Promise.all(
        deadLetters.map(async ({ deadLetterId }) => (await client.getDeadLetter({ deadLetterId })).deadLetter),
      );
    }, 20_000);
    const text = JSON.stringify(letters, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    expect(text).toContain('order_placed');
    expect(found(text)).toEqual([]);
  }, 30_000);
});
