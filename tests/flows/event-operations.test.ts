import { randomUUID } from 'node:crypto';
import { hasOption } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { event as eventPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import type { Event } from '@weft/gen/grpc/weft/events/v1/operations';
import { openPostgresBus } from '@weft/kit/events';
import { createLogger } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';
import { toTimestamp } from '@weft/kit/time';
import { messages } from '../contract/contracts.ts';
import { addressIn, MODES, openShop, orderOf, type Shop } from './shop.ts';

const PLACED = 'weft.orders.v1.order_placed';

describe.each(MODES)('what operators do about events, %s', (mode) => {
  let shop: Shop;
  let bus: ReturnType<typeof openPostgresBus>;
  const unreadable = async () => {
    const id = randomUUID();
    const key = randomUUID();
    const payload = Buffer.from('this is no order');
    await bus.publish([{ id, type: PLACED, subject: `${PLACED}.${key}`, key, headers: { 'ce-id': id }, payload }]);
    return id;
  };
  const deadLetterOf = async (service: string, eventId: string) => {
    const { deadLetters } = await shop.eventOperations(service).listDeadLetters({ consumer: '' });
    return deadLetters.find(({ event }) => event?.eventId === eventId);
  };

  beforeAll(async () => {
    shop = await openShop(mode);
    const logger = createLogger({ level: 'silent', pretty: false });
    bus = openPostgresBus({ url: shop.booted.bus.url, name: 'test', logger });
  }, 60_000);
  afterAll(async () => {
    await bus?.close();
    await shop?.booted.stop();
  });

  it('finds an event that nobody can read among the dead letters of its readers, and orders go on', async () => {
    const id = await unreadable();
    const letter = await eventually(async () => {
      const found = await deadLetterOf('checkout', id);
      if (!found) throw new Error('not there yet');
      return found;
    });
    expect(letter).toMatchObject({ consumer: 'checkout.orders', deliveries: 1, redriving: false, stack: '' });
    expect(letter.event).toMatchObject({ type: PLACED, contentJson: '', headers: { 'ce-id': id } });
    const checkout = shop.eventOperations('checkout');
    const { deadLetter } = await checkout.getDeadLetter({ deadLetterId: letter.deadLetterId });
    expect(deadLetter?.stack).toContain('Unreadable');
    expect(deadLetter?.error).toContain('not a weft.orders.v1.OrderPlaced');

    const buyer = await shop.customer();
    const { order } = await buyer.orders.placeOrder(orderOf(await shop.product()));
    await shop.ended(order?.orderId ?? '');
  });

  it('gives a dead letter to its consumer again, and lets it rest', async () => {
    const id = await unreadable();
    const letterId = await eventually(async () => {
      const found = await deadLetterOf('checkout', id);
      if (!found) throw new Error('not there yet');
      return found.deadLetterId;
    });
    const checkout = shop.eventOperations('checkout');
    await checkout.redriveDeadLetter({ deadLetterId: letterId });
    await eventually(async () => {
      const found = await deadLetterOf('checkout', id);
      if (found?.deliveries !== 2 || found.redriving) throw new Error(`delivered ${found?.deliveries} times`);
    });
    await checkout.discardDeadLetter({ deadLetterId: letterId });
    expect(await deadLetterOf('checkout', id)).toBeUndefined();
    await expect(checkout.redriveDeadLetter({ deadLetterId: letterId })).rejects.toMatchObject({
      reason: 'DEAD_LETTER_NOT_FOUND',
    });
  });

  it('keeps the letters of other services to them', async () => {
    const id = await unreadable();
    const letter = await eventually(async () => {
      const found = await deadLetterOf('notifications', id);
      if (!found) throw new Error('not there yet');
      return found;
    });
    const orders = shop.eventOperations('orders');
    await expect(orders.discardDeadLetter({ deadLetterId: letter.deadLetterId })).rejects.toMatchObject({
      reason: 'DEAD_LETTER_NOT_FOUND',
    });
  });

  it('follows what is published, without personal data and secrets', async () => {
    const seen: Event[] = [];
    const from = new Date();
    const ended = new AbortController();
    const follow = async (service: string) => {
      const request = { types: [], fromTime: toTimestamp(from) };
      const stream = shop.eventOperations(service).tailEvents(request, { signal: ended.signal });
      for await (const { event } of stream) if (event) seen.push(event);
    };
    const tailing = Promise.all(['users', 'orders', 'inventory', 'payments'].map(follow)).catch((error) => {
      if (!ended.signal.aborted) throw error;
    });
    const buyer = await shop.customer();
    const deliveryAddress = addressIn('SW1A 1AA');
    const { order } = await buyer.orders.placeOrder({ ...orderOf(await shop.product()), deliveryAddress });
    const orderId = order?.orderId ?? '';
    await shop.ended(orderId);
    const ofOrder = () => seen.filter(({ key }) => key === orderId).map(({ type }) => type.split('.').at(-1));
    // Each service's events come in their order, those of different services as they come.
    const last = ['order_completed', 'stock_committed', 'payment_captured'];
    await eventually(() => last.every((type) => ofOrder().includes(type)));
    ended.abort();
    await tailing;
    expect(seen.map(({ type }) => type)).toContain('weft.users.v1.user_registered');
    expect(ofOrder()).toEqual(expect.arrayContaining(['order_placed', 'stock_reserved', 'payment_captured']));
    const placed = seen.find(({ type, key }) => type === PLACED && key === orderId);
    expect(JSON.parse(placed?.contentJson ?? '')).toMatchObject({ orderId, customerId: buyer.id });
    const told = JSON.stringify(seen, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    for (const secret of ['tok_approved', 'SW1A 1AA', 'Country Lane', 'A Customer', '@shop.example'])
      expect(told).not.toContain(secret);
  });

  it('replays events to a consumer, which does nothing twice', async () => {
    const buyer = await shop.customer();
    const productId = await shop.product({ stock: 5n });
    const { order } = await buyer.orders.placeOrder(orderOf(productId));
    await shop.ended(order?.orderId ?? '');
    await shop.booted.settle(20_000);
    const checkout = shop.eventOperations('checkout');
    const everything = { userId: '', pageSize: 0, pageToken: '' };
    const [mailbox, [payments]] = await Promise.all([
      buyer.notifications.listNotifications(everything),
      shop.booted.database('payments').query('SELECT count(*)::int AS n FROM payment'),
    ]);
    for (const [service, consumer] of [
      ['checkout', 'checkout.orders'],
      ['notifications', 'notifications.news'],
    ] as const)
      await shop.eventOperations(service).replayConsumer({ consumer, fromTime: toTimestamp(new Date(0)) });
    await shop.booted.settle(20_000);
    expect(await buyer.notifications.listNotifications(everything)).toEqual(mailbox);
    expect(await shop.booted.database('payments').query('SELECT count(*)::int AS n FROM payment')).toEqual([payments]);
    expect(await shop.stock(productId)).toEqual({ onHand: 4n, reserved: 0n });
    await expect(
      checkout.replayConsumer({ consumer: 'notifications.news', fromTime: toTimestamp(new Date(0)) }),
    ).rejects.toMatchObject({ reason: 'CONSUMER_NOT_FOUND' });
  });

  it('knows a version of every event of the contracts, its publisher and its readers', async () => {
    const { schemas } = await shop.eventOperations('catalog').listSchemas({});
    const events = messages.filter((message) => hasOption(message, eventPolicy)).map(({ typeName }) => typeName);
    // Every service publishes it, so that it is no one owner's.
    events.push('weft.audit.v1.CallAudited');
    expect([...new Set(schemas.map(({ message }) => message))].sort()).toEqual(events.sort());
    for (const { publishers } of schemas) expect(publishers).toHaveLength(1);
    const placed = schemas.find(({ type }) => type === PLACED);
    expect(placed).toMatchObject({ publishers: ['orders'], readers: expect.arrayContaining(['checkout']) });
  });

  it('is for staff alone', async () => {
    const buyer = await shop.customer();
    const checkout = shop.eventOperations('checkout', buyer.token);
    await expect(checkout.listDeadLetters({ consumer: '' })).rejects.toMatchObject({ reason: 'NOT_ALLOWED' });
    await expect(checkout.listConsumers({})).rejects.toMatchObject({ reason: 'NOT_ALLOWED' });
  });
});
