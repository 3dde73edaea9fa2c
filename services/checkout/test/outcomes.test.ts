import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SagaState, StepState } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { status } from '@weft/kit/rpc';
import { type Checkout, openCheckout } from './fixture.ts';
import type { Fate } from './world-stub.ts';

const AWAY: Fate = { fail: status.UNAVAILABLE };
const LATE: Fate = { fail: status.DEADLINE_EXCEEDED };
const SMOOTH = 'reserve authorize createShipment capture commit confirmOrder';

type Row = readonly [what: string, fates: Readonly<Record<string, Fate[]>>, calls: string];

const COMPLETED: readonly Row[] = [
  ['all is well', {}, SMOOTH],
  ['inventory is away three times', { reserve: [AWAY, AWAY, AWAY] }, `reserve reserve reserve ${SMOOTH}`],
  ['inventory’s answer is late', { reserve: [LATE] }, `reserve ${SMOOTH}`],
  ['inventory’s answer is lost', { reserve: ['lost'] }, `reserve ${SMOOTH}`],
  ['inventory fails in a way that nobody foresaw', { reserve: [{ fail: status.INTERNAL }] }, `reserve ${SMOOTH}`],
  [
    'the answer to an authorisation is lost',
    { authorize: ['lost'] },
    'reserve authorize authorize createShipment capture commit confirmOrder',
  ],
  [
    'payments is away',
    { authorize: [AWAY, LATE] },
    'reserve authorize authorize authorize createShipment capture commit confirmOrder',
  ],
  [
    'the answer of the carrier is lost',
    { createShipment: ['lost', AWAY] },
    'reserve authorize createShipment createShipment createShipment capture commit confirmOrder',
  ],
  [
    'the answer to a capture is lost',
    { capture: ['lost', AWAY] },
    'reserve authorize createShipment capture capture capture commit confirmOrder',
  ],
  [
    'a commit is refused after the capture',
    { commit: [{ refuse: 'NO' }, AWAY] },
    'reserve authorize createShipment capture commit commit commit confirmOrder',
  ],
  [
    'a confirmation is refused and then late',
    { confirmOrder: [{ refuse: 'NO' }, 'hang'] },
    `${SMOOTH} confirmOrder confirmOrder`,
  ],
  [
    'everything fails once',
    {
      reserve: [AWAY],
      authorize: [AWAY],
      createShipment: [AWAY],
      capture: [AWAY],
      commit: [AWAY],
      confirmOrder: [AWAY],
    },
    'reserve reserve authorize authorize createShipment createShipment capture capture commit commit confirmOrder confirmOrder',
  ],
];

const COMPENSATED: readonly (readonly [...Row, reason: string])[] = [
  [
    'a reservation is refused',
    { reserve: [{ refuse: 'OUT_OF_STOCK' }] },
    'reserve release rejectOrder',
    'OUT_OF_STOCK',
  ],
  [
    'a reservation is refused after a lost answer',
    { reserve: ['lost', { refuse: 'OUT_OF_STOCK' }] },
    'reserve reserve release rejectOrder',
    'OUT_OF_STOCK',
  ],
  [
    'an authorisation is refused',
    { authorize: [{ refuse: 'CARD_DECLINED' }] },
    'reserve authorize void release rejectOrder',
    'CARD_DECLINED',
  ],
  [
    'an authorisation is found to be malformed',
    { authorize: [{ fail: status.INVALID_ARGUMENT }] },
    'reserve authorize void release rejectOrder',
    'INVALID_ARGUMENT',
  ],
  [
    'the carrier refuses',
    { createShipment: ['lost', { refuse: 'ADDRESS_NOT_SERVED' }], cancelShipment: [AWAY] },
    'reserve authorize createShipment createShipment cancelShipment cancelShipment void release rejectOrder',
    'ADDRESS_NOT_SERVED',
  ],
  [
    'a capture is refused',
    { capture: [{ refuse: 'PAYMENT_NOT_AUTHORIZED' }] },
    'reserve authorize createShipment capture cancelShipment void release rejectOrder',
    'PAYMENT_NOT_AUTHORIZED',
  ],
  [
    'undoing fails and is refused',
    {
      authorize: [{ refuse: 'CARD_DECLINED' }],
      void: [AWAY, 'lost', { refuse: 'NO' }],
      release: ['lost'],
      rejectOrder: [AWAY],
    },
    'reserve authorize void void void void release release rejectOrder rejectOrder',
    'CARD_DECLINED',
  ],
];

/** Of steps that are not named after them. */
const METHODS: Readonly<Record<string, string>> = { ship: 'createShipment', confirm: 'confirmOrder' };

let shop: Checkout;
/** All sagas run at the same time, as their orders would. */
const orders = new Map<string, string>();
beforeAll(async () => {
  shop = await openCheckout();
  for (const [what, fates] of [...COMPLETED, ...COMPENSATED]) {
    const orderId = randomUUID();
    for (const [method, planned] of Object.entries(fates)) shop.world.plan(orderId, method, ...planned);
    orders.set(what, orderId);
    await shop.place({ orderId });
  }
});
afterAll(() => shop.stop());

describe('an order is paid, taken from stock and confirmed, once, when', () => {
  it.each(COMPLETED)('%s', async (what, _, calls) => {
    const orderId = orders.get(what) ?? '';
    const saga = await shop.ended(orderId);
    expect(saga).toMatchObject({ state: SagaState.SAGA_STATE_COMPLETED, reason: '', stalled: false });
    expect(shop.world.of(orderId).join(' ')).toBe(calls);
    const steps = saga.steps.slice(0, 6).map(({ name, state, attempts }) => [name, state, attempts]);
    const tried = (method: string) => calls.split(' ').filter((call) => call === method).length;
    expect(steps).toEqual(
      ['reserve', 'authorize', 'ship', 'capture', 'commit', 'confirm'].map((name) => [
        name,
        StepState.STEP_STATE_DONE,
        tried(METHODS[name] ?? name),
      ]),
    );
  });
});

describe('an order is rejected and all of it undone, backward, when', () => {
  it.each(COMPENSATED)('%s', async (what, _, calls, reason) => {
    const orderId = orders.get(what) ?? '';
    const saga = await shop.ended(orderId);
    expect(saga).toMatchObject({ state: SagaState.SAGA_STATE_COMPENSATED, reason, stalled: false });
    expect(shop.world.of(orderId).join(' ')).toBe(calls);
    const paymentDeclined = what.includes('authorisation') || reason === 'CARD_DECLINED';
    expect(shop.world.requests(orderId, 'rejectOrder')[0]).toMatchObject({ orderId, reason, paymentDeclined });
    const states = saga.steps.map(({ name, state }) => [name, state]);
    const undone = (name: string) =>
      calls.includes(METHODS[name] ?? name) ? StepState.STEP_STATE_UNDONE : StepState.STEP_STATE_PENDING;
    expect(states.slice(0, 3)).toEqual(['reserve', 'authorize', 'ship'].map((name) => [name, undone(name)]));
    expect(states.slice(4)).toEqual([
      ['commit', StepState.STEP_STATE_PENDING],
      ['confirm', StepState.STEP_STATE_PENDING],
      ['reject', StepState.STEP_STATE_DONE],
    ]);
  });
});

describe('the calls of a saga', () => {
  it('say what the order said, once for each stock code, under the order’s correlation id', async () => {
    const lines = [
      { productId: 'lamp', stockCode: 'L', quantity: 2n },
      { productId: 'box', stockCode: 'B', quantity: 1n },
      { productId: 'six-lamps', stockCode: 'L', quantity: 6n },
    ];
    const orderId = await shop.place({ lines, headers: { 'correlation-id': 'the-order' } });
    await shop.ended(orderId);
    const [reserve] = shop.world.requests(orderId, 'reserve');
    expect(reserve).toMatchObject({
      reservationId: orderId,
      lines: [
        { stockCode: 'L', quantity: 8n },
        { stockCode: 'B', quantity: 1n },
      ],
    });
    const [authorize] = shop.world.requests(orderId, 'authorize');
    expect(authorize).toMatchObject({
      paymentId: orderId,
      orderId,
      amount: { currencyCode: 'GBP', minorUnits: 800n },
      paymentMethodToken: 'tok_of_the_test',
    });
    const [shipment] = shop.world.requests(orderId, 'createShipment');
    expect(shipment).toMatchObject({
      shipmentId: orderId,
      orderId,
      lines: [
        { stockCode: 'L', quantity: 8n },
        { stockCode: 'B', quantity: 1n },
      ],
      deliveryAddress: undefined,
    });
    const ids = shop.world.calls.filter(({ request }) => Object.values(request).includes(orderId));
    expect(new Set(ids.map(({ correlationId }) => correlationId))).toEqual(new Set(['the-order']));
  });

  it('ask orders where a delivery goes, and keep that nowhere', async () => {
    const deliveryAddress = { recipient: 'R', street: 'S', city: 'C', postalCode: 'P-O-S-T', countryCode: 'GB' };
    shop.world.answers.set('getDeliveryAddress', { deliveryAddress });
    const orderId = randomUUID();
    shop.world.plan(orderId, 'createShipment', 'lost');
    await shop.place({ orderId, delivered: true });
    await shop.ended(orderId);
    const [, , ...calls] = shop.world.of(orderId);
    expect(calls.slice(0, 4)).toEqual(['getDeliveryAddress', 'createShipment', 'getDeliveryAddress', 'createShipment']);
    for (const request of shop.world.requests(orderId, 'createShipment'))
      expect(request).toMatchObject({ deliveryAddress });
    expect(JSON.stringify(await shop.row(orderId))).not.toContain('P-O-S-T');
    expect(JSON.stringify(shop.booted.logs)).not.toContain('P-O-S-T');
  });

  it('are made for one order one after the other', () => {
    expect(shop.world.mostTogether).toBe(1);
  });
});

describe('before the capture', () => {
  it.each([
    ['reserve', 'release rejectOrder'],
    ['authorize', 'void release rejectOrder'],
    ['createShipment', 'cancelShipment void release rejectOrder'],
  ])('a service that stays away (%s) is given up after ten tries, and all is undone', async (method, undone) => {
    const orderId = randomUUID();
    shop.world.always(orderId, method, AWAY);
    await shop.place({ orderId });
    // Staff do not wait for the back-off.
    while (shop.world.requests(orderId, method).length < 10)
      await shop.staff.retrySaga({ sagaId: orderId }).catch(() => {});
    const saga = await shop.ended(orderId);
    expect(saga).toMatchObject({ state: SagaState.SAGA_STATE_COMPENSATED, reason: 'UNAVAILABLE' });
    expect(shop.world.requests(orderId, method)).toHaveLength(10);
    expect(shop.world.of(orderId).join(' ')).toMatch(new RegExp(`${undone}$`));
  });
});
