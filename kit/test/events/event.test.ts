import { describe, expect, it } from '@jest/globals';
import { ProductCreatedSchema } from '@weft/gen/es/weft/catalog/v1/events_pb';
import { MoneySchema } from '@weft/gen/es/weft/common/v1/money_pb';
import { file_weft_orders_v1_events, OrderPlacedSchema } from '@weft/gen/es/weft/orders/v1/events_pb';
import { ProductCreated } from '@weft/gen/grpc/weft/catalog/v1/events';
import { Money } from '@weft/gen/grpc/weft/common/v1/money';
import { OrderPlaced } from '@weft/gen/grpc/weft/orders/v1/events';
import {
  consumer,
  defineEvent,
  eventsOf,
  longestRetention,
  ofChoreographed,
  on,
  Unreadable,
} from '../../src/events/index.ts';
import { readWakes, writeWakes } from '../../src/events/postgres/wakes.ts';

const Created = defineEvent(ProductCreated, ProductCreatedSchema);
const ID = '0198f000-0000-7000-8000-000000000001';
const NOW = new Date('2026-01-02T03:04:05.678Z');
const content = ProductCreated.fromPartial({ productId: 'p1', version: 3n, title: 'Mug' });

describe('an event', () => {
  it('has the name, the owner and the key that its contract says', () => {
    expect(Created).toMatchObject({ type: 'weft.catalog.v1.product_created', owner: 'catalog' });
    expect(Created.create(content, { id: ID, now: NOW })).toMatchObject({
      id: ID,
      type: 'weft.catalog.v1.product_created',
      subject: 'weft.catalog.v1.product_created.p1',
      key: 'p1',
    });
  });

  it('has a type of its own when its order is choreographed, where its contract says so', () => {
    const placed = defineEvent(OrderPlaced, OrderPlacedSchema);
    const made = ofChoreographed(placed).create(OrderPlaced.fromPartial({ orderId: 'o1' }), { id: ID, now: NOW });
    const type = 'weft.orders.v1.order_placed_choreographed';
    expect(made).toMatchObject({ type, subject: `${type}.o1`, key: 'o1', headers: { 'ce-type': type } });
    expect(ofChoreographed(placed).decode(made)).toEqual(placed.decode(made));
    expect(eventsOf(file_weft_orders_v1_events).map((event) => event.type)).toEqual(
      expect.arrayContaining([type, placed.type]),
    );
    expect(longestRetention(eventsOf(file_weft_orders_v1_events))).toBe(7 * 24 * 3_600_000);
    expect(() => ofChoreographed(Created)).toThrow('weft.catalog.v1.product_created has no choreographed_subject');
  });

  it('carries the headers of CloudEvents, and passes on trace and correlation only', () => {
    const headers = { traceparent: '00-1-2-01', 'correlation-id': 'c', authorization: 'secret', tracestate: undefined };
    expect(Created.create(content, { id: ID, now: NOW, headers }).headers).toEqual({
      'ce-specversion': '1.0',
      'ce-id': ID,
      'ce-type': 'weft.catalog.v1.product_created',
      'ce-source': '/weft/catalog',
      'ce-subject': 'p1',
      'ce-time': '2026-01-02T03:04:05.678Z',
      'ce-dataschema': 'urn:protobuf:weft.catalog.v1.ProductCreated',
      traceparent: '00-1-2-01',
      'correlation-id': 'c',
    });
  });

  it('gives its content back', () => {
    expect(Created.decode(Created.create(content, { id: ID, now: NOW }))).toMatchObject(content);
  });

  it.each([
    ['broken', Buffer.from([0xff, 0xff, 0xff])],
    ['text', Buffer.from('this is no product')],
    ['empty', Buffer.from([])],
    ['another aggregate’s', Created.create({ ...content, productId: 'p2' }).payload],
    ['another message’s', Money.encode(Money.fromPartial({ currencyCode: 'GBP', minorUnits: 3n })).finish()],
  ])('says when it cannot be read: its payload is %s', (_, payload) => {
    expect(() => Created.decode({ key: 'p1', payload })).toThrow(Unreadable);
  });

  it('says when its envelope names another message, whose bytes would pass', () => {
    const { key, payload, headers } = Created.create(content, { id: ID, now: NOW });
    expect(Created.decode({ key, payload, headers })).toMatchObject(content);
    const foreign = { ...headers, 'ce-dataschema': 'urn:protobuf:weft.catalog.v1.ProductUpdated' };
    expect(() => Created.decode({ key, payload, headers: foreign })).toThrow(Unreadable);
  });

  it('may have fields that nobody knows yet', () => {
    const { payload } = Created.create(content, { id: ID, now: NOW });
    const later = Buffer.concat([payload, Buffer.from([0xfa, 0x3e, 0x02, 0x68, 0x69])]);
    expect(Created.decode({ key: 'p1', payload: later })).toMatchObject(content);
  });

  it('is not made without its key, or of a message that is no event', () => {
    expect(() => Created.create(ProductCreated.fromPartial({}), { id: ID, now: NOW })).toThrow('has no product_id');
    expect(() => defineEvent(ProductCreated, MoneySchema)).toThrow('weft.common.v1.Money has no complete option');
  });

  it('has one handler in a consumer', () => {
    const handler = on(Created, async () => undefined);
    expect(() => consumer('twice', [handler, handler])).toThrow('two handlers');
  });
});

describe('a notification', () => {
  it('names each type once a bucket', () => {
    const wakes = [
      { bucket: 1, type: 'a' },
      { bucket: 2, type: 'a' },
      { bucket: 1, type: 'a' },
    ];
    expect(readWakes(writeWakes(wakes))).toEqual(wakes.slice(0, 2));
  });

  it('stands for everything when it would be too long', () => {
    const wakes = Array.from({ length: 300 }, (_, n) => ({ bucket: 1, type: `weft.test.v1.type_number_${n}` }));
    expect(readWakes(writeWakes(wakes))).toBe('all');
  });
});
