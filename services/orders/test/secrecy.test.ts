import { randomUUID } from 'node:crypto';
import { type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { DeliveryMethod } from '@weft/gen/grpc/weft/orders/v1/orders';
import { status } from '@weft/kit/rpc';
import { failure, openShop, orderOf, place, type Shop } from './fixture.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.stop());

const ADDRESS = { recipient: 'A', street: 'S', city: 'C', postalCode: 'P', countryCode: 'GB' };
const CARD = '4242424242424242';

interface TextField {
  /** As it is named in a violation: lines[0].product_id. */
  readonly name: string;
  readonly put: (request: object, text: string) => object;
}

/** Every text field of a message, those of its parts included. */
function textFields(message: DescMessage): TextField[] {
  return message.fields.flatMap(({ name, localName, fieldKind, ...field }): TextField[] => {
    if (fieldKind === 'scalar' && 'scalar' in field && field.scalar === ScalarType.STRING) {
      return [{ name, put: (request, text) => ({ ...request, [localName]: text }) }];
    }
    if (!('message' in field) || !field.message) return [];
    if (fieldKind === 'message') {
      return textFields(field.message).map((inner) => ({
        name: `${name}.${inner.name}`,
        put: (request, text) => ({ ...request, [localName]: inner.put(ADDRESS, text) }),
      }));
    }
    return textFields(field.message).map((inner) => ({
      name: `${name}[0].${inner.name}`,
      put: (request, text) => ({ ...request, [localName]: [inner.put({ quantity: 1n }, text)] }),
    }));
  });
}

const fields = OrdersService.methods.flatMap(({ localName, input }) =>
  textFields(input).map((field) => [localName, field.name, field] as const),
);

/** The values of all columns of all tables of a database, as text. */
async function contents(database: Shop['booted']['bus']): Promise<string> {
  const tables = await database.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`,
  );
  const text = (value: unknown) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value));
  const rows = await Promise.all(tables.map(({ name }) => database.query(`SELECT t::text, * FROM ${name} t`)));
  return rows
    .flat()
    .flatMap((row) => Object.values(row).map(text))
    .join('\n');
}

describe('orders', () => {
  it('has text fields to try a card number in', () => {
    expect(fields.map(([method, name]) => `${method} ${name}`)).toEqual(
      expect.arrayContaining([
        'placeOrder payment_method_token',
        'placeOrder lines[0].product_id',
        'rejectOrder reason',
      ]),
    );
  });

  it.each(fields)('refuses a card number: %s with %s', async (method, name, field) => {
    const staff = await shop.as({ user: { id: randomUUID(), roles: ['admin'] }, caller: 'checkout' });
    const id = { orderId: randomUUID(), returnId: randomUUID() };
    const request = {
      ...orderOf(['any', 1n]),
      ...id,
      status: 0,
      pageSize: 0,
      pageToken: '',
      resumeToken: '',
      reason: 'NO',
    };
    const call = staff[method as 'getOrder'](field.put(request, CARD) as typeof id) as unknown;
    const answer =
      Symbol.asyncIterator in Object(call)
        ? (call as AsyncIterable<unknown>)[Symbol.asyncIterator]().next()
        : (call as Promise<unknown>);
    await expect(answer).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      violations: [expect.objectContaining({ field: name, rule: 'CARD_NUMBER' })],
    });
  });

  it('keeps a card number nowhere, and the payment token nowhere but in the event that checkout needs', async () => {
    const buyer = await shop.customer();
    const [product = ''] = shop.sells(100n);
    const paymentMethodToken = `tok_secret_${randomUUID().replaceAll('-', '')}`;
    for (const spelled of [CARD, '4242 4242 4242 4242', `tok_${CARD}`]) {
      const request = { ...orderOf([product, 1n]), paymentMethodToken: spelled };
      await buyer.orders.placeOrder(request).catch((error: Error) => expect(error.message).not.toContain('4242'));
      await buyer.orders.placeOrder({ ...request, paymentMethodToken, idempotencyKey: spelled }).catch(() => undefined);
    }
    const { order } = await buyer.orders.placeOrder({ ...orderOf([product, 1n]), paymentMethodToken });
    await place(buyer, [product, 1n]);
    const [event] = await shop.events(order?.orderId ?? '');
    expect(event).toMatchObject({ paymentMethodToken });
    const stored = await contents(shop.booted.database('orders'));
    const published = await contents(shop.booted.bus);
    const logged = JSON.stringify(shop.booted.logs);
    expect(stored).toContain(order?.orderId);
    expect(published).toContain(paymentMethodToken);
    expect(logged).toContain(buyer.id);
    for (const text of [stored, logged]) expect(text).not.toContain(paymentMethodToken);
    for (const text of [stored, published, logged]) expect(text.replaceAll(/[ -]/g, '')).not.toContain(CARD);
  });

  it('keeps an address apart: GetOrder and checkout read it, nothing else holds it, and it goes with the account', async () => {
    const buyer = await shop.customer();
    const [product = ''] = shop.sells(100n);
    const street = `Secret Street ${randomUUID()}`;
    const deliveryAddress = { recipient: 'A', street, city: 'C', postalCode: 'P', countryCode: 'GB' };
    const request = { ...orderOf([product, 1n]), deliveryAddress };
    const { order: placed } = await buyer.orders.placeOrder(request);
    const orderId = placed?.orderId ?? '';
    const { DELIVERY_METHOD_ADDRESS, DELIVERY_METHOD_PICK_UP } = DeliveryMethod;
    expect(placed).toMatchObject({ deliveryMethod: DELIVERY_METHOD_ADDRESS, deliveryAddress: undefined });
    const read = async () => (await buyer.orders.getOrder({ orderId })).order?.deliveryAddress;
    expect(await read()).toMatchObject(deliveryAddress);
    expect((await shop.checkout.getDeliveryAddress({ orderId })).deliveryAddress).toMatchObject(deliveryAddress);
    const [event] = await shop.events(orderId);
    expect(event).toMatchObject({ type: 'order_placed', deliveryMethod: DELIVERY_METHOD_ADDRESS });
    const pickedUp = await place(buyer, [product, 1n]);
    expect(pickedUp.deliveryMethod).toBe(DELIVERY_METHOD_PICK_UP);

    const stored = () => contents(shop.booted.database('orders'));
    expect(await stored()).toContain(street);
    await shop.erase(buyer.id);
    await buyer.orders.placeOrder({ ...request, idempotencyKey: randomUUID() });
    for (const text of [await stored(), await contents(shop.booted.bus), JSON.stringify(shop.booted.logs)])
      expect(text).not.toContain(street);
    expect(await read()).toBeUndefined();
    const gone = failure(status.NOT_FOUND, 'DELIVERY_ADDRESS_NOT_FOUND', { order_id: orderId });
    await expect(shop.checkout.getDeliveryAddress({ orderId })).rejects.toEqual(gone);
  });
});
