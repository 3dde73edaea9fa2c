import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { status } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { failure, GBP, openShop, orderOf, place, type Shop } from './fixture.ts';

const { ALREADY_EXISTS, FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNAVAILABLE } = status;

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.stop());

describe('PlaceOrder', () => {
  it('stores the order at the catalogue’s prices, with its event, and answers at once', async () => {
    const buyer = await shop.customer();
    const [lamp = '', box = ''] = shop.sells(250n, 99n);
    const order = await place(buyer, [lamp, 2n], [box, 3n]);
    expect(order).toMatchObject({
      customerId: buyer.id,
      status: OrderStatus.ORDER_STATUS_PLACED,
      reason: '',
      lines: [
        { productId: lamp, stockCode: `S-${lamp}`, title: `Title of ${lamp}`, quantity: 2n, unitPrice: GBP(250n) },
        { productId: box, stockCode: `S-${box}`, title: `Title of ${box}`, quantity: 3n, unitPrice: GBP(99n) },
      ],
      returns: [],
      total: GBP(797n),
      refunded: GBP(0n),
      version: 1n,
    });
    expect((await buyer.orders.getOrder({ orderId: order.orderId })).order).toEqual(order);
    expect(await shop.events(order.orderId)).toMatchObject([
      {
        type: 'order_placed',
        version: 1n,
        customerId: buyer.id,
        lines: [
          { productId: lamp, stockCode: `S-${lamp}`, quantity: 2n },
          { productId: box, stockCode: `S-${box}`, quantity: 3n },
        ],
        total: GBP(797n),
        paymentMethodToken: 'tok_approved',
        occurTime: order.createTime,
      },
    ]);
  });

  it('takes six hundred lines, and keeps their order', async () => {
    const buyer = await shop.customer();
    const products = shop.sells(...Array.from({ length: 600 }, (_, index) => BigInt(index + 1)));
    const order = await place(buyer, ...products.map((product) => [product, 2n] as const));
    expect(order.total).toMatchObject(GBP(600n * 601n));
    const { order: stored } = await buyer.orders.getOrder({ orderId: order.orderId });
    expect(stored?.lines.map(({ productId }) => productId)).toEqual(products);
    const [event] = (await shop.events(order.orderId)) as { lines: unknown[] }[];
    expect(event?.lines).toHaveLength(600);
  });

  it('fails and stores nothing while the catalogue is away, and the same request succeeds when it is back', async () => {
    const buyer = await shop.customer();
    const [lamp = ''] = shop.sells(250n);
    const request = orderOf([lamp, 1n]);
    await shop.catalog.leave();
    await expect(buyer.orders.placeOrder(request)).rejects.toMatchObject({ code: UNAVAILABLE });
    expect(await shop.countOrders(buyer.id)).toBe(0);
    await shop.catalog.back();
    const { order } = await eventually(() => buyer.orders.placeOrder(request));
    expect(order?.total).toMatchObject(GBP(250n));
  });

  it('fails and stores nothing when a product is unknown', async () => {
    const buyer = await shop.customer();
    const [lamp = ''] = shop.sells(250n);
    await expect(place(buyer, [lamp, 1n], ['no-such-product', 1n])).rejects.toEqual(
      failure(NOT_FOUND, 'PRODUCT_NOT_FOUND', { product_id: 'no-such-product' }),
    );
    expect(await shop.countOrders(buyer.id)).toBe(0);
  });

  it('refuses two currencies in one order, and a total over the bound', async () => {
    const buyer = await shop.customer();
    const [lamp = '', box = '', gold = ''] = shop.sells(250n, 99n, 100_000_000_000n);
    const product = shop.catalog.products.get(box);
    if (product) shop.catalog.products.set(box, { ...product, price: { currencyCode: 'EUR', minorUnits: 1n } });
    await expect(place(buyer, [lamp, 1n], [box, 1n])).rejects.toEqual(
      failure(FAILED_PRECONDITION, 'MIXED_CURRENCIES', { currencies: 'GBP,EUR' }),
    );
    await expect(place(buyer, [gold, 2n])).rejects.toEqual(failure(FAILED_PRECONDITION, 'ORDER_TOO_LARGE'));
    expect(await shop.countOrders(buyer.id)).toBe(0);
  });

  it.each<[string, string, (request: ReturnType<typeof orderOf>) => object]>([
    ['no lines', 'lines', () => ({ lines: [] })],
    ['a product twice', 'lines', ({ lines }) => ({ lines: [...lines, ...lines] })],
    ['no pieces', 'lines[0].quantity', ({ lines }) => ({ lines: lines.map((line) => ({ ...line, quantity: 0n })) })],
    ['a customer that is none', 'customer_id', () => ({ customerId: 'me' })],
    ['a payment token that is none', 'payment_method_token', () => ({ paymentMethodToken: 'Visa' })],
    ['no key', 'idempotency_key', () => ({ idempotencyKey: '' })],
    ['a key that no text can hold', 'idempotency_key', () => ({ idempotencyKey: 'a\0b' })],
  ])('refuses %s by the name of the field', async (_, field, change) => {
    const buyer = await shop.customer();
    const [lamp = ''] = shop.sells(1n);
    const request = orderOf([lamp, 1n]);
    await expect(buyer.orders.placeOrder({ ...request, ...change(request) })).rejects.toMatchObject({
      code: INVALID_ARGUMENT,
      violations: expect.arrayContaining([expect.objectContaining({ field })]),
    });
  });
});

describe('the idempotency key of PlaceOrder', () => {
  it('gives the stored answer again, whatever the catalogue says by then, also after a restart', async () => {
    const buyer = await shop.customer();
    const [lamp = ''] = shop.sells(250n);
    const request = orderOf([lamp, 1n]);
    const first = await buyer.orders.placeOrder(request);
    shop.catalog.products.delete(lamp);
    expect(await buyer.orders.placeOrder(request)).toEqual(first);
    await shop.checkout.confirmOrder({ orderId: first.order?.orderId ?? '' });
    await shop.booted.restart();
    expect(await eventually(() => buyer.orders.placeOrder(request))).toEqual(first);
    expect(await shop.countOrders(buyer.id)).toBe(1);
  });

  it('makes one order of many calls at the same time', async () => {
    const buyer = await shop.customer();
    const [lamp = ''] = shop.sells(250n);
    const request = orderOf([lamp, 1n]);
    const answers = await Promise.all(Array.from({ length: 12 }, () => buyer.orders.placeOrder(request)));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(await shop.countOrders(buyer.id)).toBe(1);
    expect(await shop.events(answers[0]?.order?.orderId ?? '')).toHaveLength(1);
  });

  it('is refused with another request', async () => {
    const buyer = await shop.customer();
    const [lamp = ''] = shop.sells(250n);
    const request = orderOf([lamp, 1n]);
    await buyer.orders.placeOrder(request);
    for (const change of [{ lines: [{ productId: lamp, quantity: 2n }] }, { paymentMethodToken: 'tok_other' }]) {
      await expect(buyer.orders.placeOrder({ ...request, ...change })).rejects.toEqual(
        failure(ALREADY_EXISTS, 'IDEMPOTENCY_KEY_REUSED'),
      );
    }
    expect(await shop.countOrders(buyer.id)).toBe(1);
  });

  it('is each customer’s own', async () => {
    const [lamp = ''] = shop.sells(250n);
    const request = orderOf([lamp, 1n]);
    const [one, other] = await Promise.all([shop.customer(), shop.customer()]);
    const first = await one.orders.placeOrder(request);
    const second = await other.orders.placeOrder(request);
    expect(second.order?.orderId).not.toBe(first.order?.orderId);
    expect(second.order?.customerId).toBe(other.id);
  });

  it('of a call that failed is free again', async () => {
    const buyer = await shop.customer();
    const request = orderOf(['sold-from-tomorrow', 1n]);
    await expect(buyer.orders.placeOrder(request)).rejects.toEqual(failure(NOT_FOUND, 'PRODUCT_NOT_FOUND'));
    const [lamp = ''] = shop.sells(250n);
    const { order } = await buyer.orders.placeOrder({ ...request, lines: [{ productId: lamp, quantity: 1n }] });
    expect(order?.total).toMatchObject(GBP(250n));
  });
});

describe('ordering for a customer', () => {
  it('is for staff', async () => {
    const [lamp = ''] = shop.sells(250n);
    const buyer = await shop.customer();
    for (const role of ['support', 'admin'] as const) {
      const staff = await shop.user(role);
      const { order } = await staff.orders.placeOrder({ ...orderOf([lamp, 1n]), customerId: buyer.id });
      expect(order?.customerId).toBe(buyer.id);
      expect((await buyer.orders.getOrder({ orderId: order?.orderId ?? '' })).order).toEqual(order);
      expect((await staff.orders.placeOrder(orderOf([lamp, 1n]))).order?.customerId).toBe(staff.id);
    }
  });

  it('is not for other customers, who may name themselves', async () => {
    const [lamp = ''] = shop.sells(250n);
    const buyer = await shop.customer();
    const request = { ...orderOf([lamp, 1n]), customerId: randomUUID() };
    await expect(buyer.orders.placeOrder(request)).rejects.toEqual(failure(PERMISSION_DENIED, 'NOT_YOURS'));
    for (const customerId of [buyer.id, buyer.id.toUpperCase()]) {
      const { order } = await buyer.orders.placeOrder({ ...orderOf([lamp, 1n]), customerId });
      expect(order?.customerId).toBe(buyer.id);
    }
  });
});
