import { randomUUID } from 'node:crypto';
import { createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import * as schema from '@weft/gen/es/weft/orders/v1/events_pb';
import { OrderPlaced } from '@weft/gen/grpc/weft/orders/v1/events';
import { defineEvent, openPostgresBus } from '@weft/kit/events';
import { createLogger } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';
import { type Collector, startCollector } from './collector.ts';
import { MODES, openShop, orderOf, PROCESSES, type Shop, STYLES, styled } from './shop.ts';

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
/** Headers that the edge reads or passes by, each with something that nobody should ever see again. */
const HEADERS: Readonly<Record<string, string>>[] = [
  { 'x-correlation-id': CARD },
  { 'x-correlation-id': `order-${CARD}` },
  { 'x-correlation-id': EMAIL },
  { traceparent: CARD },
  { traceparent: `00-${CARD}${randomUUID().replaceAll('-', '').slice(0, 16)}-00f067aa0ba902b7-01` },
  { traceparent: `00-${CARD.padStart(32, '0')}-00f067aa0ba902b7-01` },
  { traceparent: `00-${randomUUID().replaceAll('-', '')}-${CARD}-01` },
  { authorization: `Bearer ${FORGED}` },
  { authorization: `Basic ${PASSWORD}` },
  {
    cookie: `session=${FORGED}`,
    'user-agent': EMAIL,
    referer: `https://shop.example/?card=${CARD}`,
    tracestate: `a=${CARD}`,
  },
];

describe.each(MODES)('values that are personal or secret, in mode %s', (mode) => {
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

  /** Plants them by REST, Connect and gRPC: in paths, queries, headers, keys and bodies. */
  async function throughTheEdge(token: string, product: string): Promise<void> {
    const base = shop.booted.http('gateway');
    const post = (path: string, body: object, headers: Readonly<Record<string, string>> = {}) =>
      fetch(`${base}/api/v2${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
    for (const headers of HEADERS) {
      await fetch(`${base}/api/v2/products/${product}`, { headers });
      const transports: Transport[] = [
        createConnectTransport({ baseUrl: base, httpVersion: '1.1' }),
        createGrpcTransport({ baseUrl: `http://${shop.booted.target('gateway')}` }),
      ];
      for (const transport of transports)
        await createClient(CatalogService, transport)
          .getProduct({ productId: product }, { headers })
          .catch(() => {});
      const lines = [{ productId: product, quantity: '1' }];
      const answer = await post(
        '/orders',
        { lines, paymentMethodToken: PAYMENT },
        { ...headers, 'idempotency-key': MARK },
      );
      await answer.body?.cancel();
    }
    const lines = [{ productId: product, quantity: '1' }];
    const body = { lines, paymentMethodToken: 'tok_approved', deliveryAddress: ADDRESS };
    const refused = await Promise.all([
      fetch(`${base}/api/v2/products/${CARD}`),
      fetch(`${base}/api/v2/${EMAIL}/${CARD}?token=${FORGED}`),
      fetch(`${base}/api/v2/products:search?query=lamp&card=${CARD}&${EMAIL}=1`),
      fetch(`${base}/api/v2/orders/${CARD}`, { headers: { authorization: `Bearer ${token}` } }),
      post('/orders', body, { 'idempotency-key': CARD }),
      post('/orders', { ...body, [CARD]: EMAIL }, { 'idempotency-key': randomUUID() }),
      post('/orders', { ...body, paymentMethodToken: CARD }, { 'idempotency-key': randomUUID() }),
    ]);
    expect(refused.filter(({ ok }) => ok)).toEqual([]);
  }

  beforeAll(async () => {
    collector = await startCollector();
    const observed = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, TRACE_PERCENT: '100', LOG_LEVEL: 'debug' };
    shop = await openShop(mode, observed);
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
    const placed = await Promise.all(
      STYLES.map((style) => nobody.orders.placeOrder({ ...styled(style, good), idempotencyKey: randomUUID() }, as)),
    );
    await Promise.all(placed.map(({ order }) => shop.ended(order?.orderId ?? '')));
    const [{ order } = {}] = placed;
    await throughTheEdge(accessToken, product);
    const { order: refused } = await nobody.orders.placeOrder({ ...orderOf(product, 1n, PAYMENT) }, as);
    await shop.ended(refused?.orderId ?? '').catch(() => {});
    await denied(nobody.orders.placeOrder({ ...good, idempotencyKey: randomUUID(), paymentMethodToken: CARD }, as));
    await denied(nobody.orders.placeOrder({ ...good, deliveryAddress: { ...ADDRESS, street: CARD } }, as));
    await denied(nobody.orders.getOrder({ orderId: order?.orderId ?? '' }, { token: FORGED }));
    await denied(nobody.inventory.setStock({ stockCode: CARD, onHand: 1n }, as));
    await denied(nobody.users.listUsers({ pageSize: 0, pageToken: '' } as never, as));
    // A dead letter whose event has a secret: it names another aggregate than it is of.
    const orderPlaced = defineEvent(OrderPlaced, schema.OrderPlacedSchema);
    const event = orderPlaced.create({
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
      const parts = names.has('saga place-order') && names.has('take part');
      return names.has('weft.users.v1.UsersService/Login') && parts;
    }, 20_000);
    const sent = Buffer.concat(collector.bodies).toString('latin1');
    expect(sent).toContain('PlaceOrder');
    expect(found(sent)).toEqual([]);
    // Ids go as bytes, and are shown as digits.
    const ids = collector.spans.flatMap(({ traceId, spanId, parentSpanId }) => [traceId, spanId, parentSpanId]);
    expect(ids.filter((id) => id.includes(CARD))).toEqual([]);
  }, 30_000);

  it('are in no metric of any service', async () => {
    for (const { services } of PROCESSES[mode]) {
      const text = await (await fetch(`${shop.booted.ops(services[0] ?? '')}/metrics`)).text();
      expect(text).toContain('rpc_server_call_duration');
      expect(found(text)).toEqual([]);
    }
  });

  it('are in no header of an event', async () => {
    const rows = await shop.booted.bus.query<{ headers: string }>('SELECT headers::text AS headers FROM bus.message');
    const text = rows.map(({ headers }) => headers).join('\n');
    expect(text).toContain('correlation-id');
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
