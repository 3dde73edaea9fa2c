import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { CheckoutService } from '@weft/gen/es/weft/checkout/v1/checkout_pb';
import * as schema from '@weft/gen/es/weft/orders/v1/events_pb';
import { CheckoutServiceService, type Saga, SagaState } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import * as sagaEvents from '@weft/gen/grpc/weft/checkout/v1/events';
import { OrderCancellationRequested, OrderPlaced, ReturnRequested } from '@weft/gen/grpc/weft/orders/v1/events';
import { DeliveryMethod, SagaStyle } from '@weft/gen/grpc/weft/orders/v1/orders';
import { defineEvent, type Message, openPostgresBus } from '@weft/kit/events';
import { createLogger } from '@weft/kit/telemetry';
import { type As, boot, eventually } from '@weft/kit/testing';
import { toTimestamp } from '@weft/kit/time';
import { checkout } from '../src/module.ts';
import { WorldStub } from './world-stub.ts';

const placed = defineEvent(OrderPlaced, schema.OrderPlacedSchema);
const cancellationRequested = defineEvent(OrderCancellationRequested, schema.OrderCancellationRequestedSchema);
const returnRequested = defineEvent(ReturnRequested, schema.ReturnRequestedSchema);

export const TOKEN = 'tok_of_the_test';
export const GBP = (minorUnits: bigint) => ({ currencyCode: 'GBP', minorUnits });
const LINES = [
  { productId: 'lamp', stockCode: 'L', quantity: 2n },
  { productId: 'box', stockCode: 'B', quantity: 1n },
];
type Lines = typeof LINES;

/** Checkout as it runs, next to stubs of the services that it calls, with what its tests look at. */
export async function openCheckout(env: Readonly<Record<string, string>> = {}) {
  const world = await new WorldStub().start();
  // A stub answers each try of a saga once: retries below it would hide how often a step is tried.
  const booted = await boot([checkout], { targets: world.targets, env: { CLIENT_RETRIES: 'false', ...env } });
  const bus = openPostgresBus({
    url: booted.bus.url,
    name: 'test',
    logger: createLogger({ level: 'silent', pretty: false }),
  });
  const as = (who: As) => booted.client(CheckoutServiceService, CheckoutService, who);
  const staff = await as({ user: { id: randomUUID(), roles: ['support'] } });
  const publish = (...messages: Message[]) => bus.publish(messages);
  const saga = async (sagaId: string) => (await staff.getSaga({ sagaId })).saga as Saga;
  return {
    booted,
    world,
    as,
    staff,
    publish,
    saga,
    /** Publishes that an order was placed; gives its id, which is that of its saga. */
    async place({
      orderId = randomUUID() as string,
      lines = LINES as Lines,
      headers = {},
      delivered = false,
      sagaStyle = SagaStyle.SAGA_STYLE_ORCHESTRATED as SagaStyle,
    } = {}): Promise<string> {
      const { DELIVERY_METHOD_ADDRESS, DELIVERY_METHOD_UNSPECIFIED } = DeliveryMethod;
      const deliveryMethod = delivered ? DELIVERY_METHOD_ADDRESS : DELIVERY_METHOD_UNSPECIFIED;
      await publish(placed.create({ ...placedBy(orderId, lines), deliveryMethod, sagaStyle }, { headers }));
      return orderId;
    },
    placedBy,
    async cancel(orderId: string, { lines = LINES as Lines, refund = 800n } = {}): Promise<void> {
      const head = { orderId, version: 2n, occurTime: toTimestamp(new Date()), customerId: randomUUID() };
      await publish(cancellationRequested.create({ ...head, lines, refund: GBP(refund) }));
    },
    async giveBack(orderId: string, { lines = LINES as Lines, refund = 800n } = {}): Promise<string> {
      const returnId = randomUUID();
      const head = { orderId, version: 3n, occurTime: toTimestamp(new Date()), customerId: randomUUID() };
      await publish(returnRequested.create({ ...head, returnId, lines, refund: GBP(refund) }));
      return returnId;
    },
    /** The saga once it has ended. */
    ended: (sagaId: string): Promise<Saga> =>
      eventually(async () => {
        const found = await saga(sagaId);
        if (!END_STATES.has(found.state)) throw new Error(`saga is in state ${found.state}`);
        return found;
      }, 20_000),
    /** The order's sagas besides its own. */
    async followUps(orderId: string): Promise<Saga[]> {
      const { sagas } = await staff.listSagas({ orderId, state: 0, pageSize: 0, pageToken: '' });
      return sagas.filter(({ sagaId }) => sagaId !== orderId);
    },
    async row(sagaId: string): Promise<Record<string, unknown>> {
      const sql = 'SELECT * FROM saga WHERE saga_id = $1';
      const [row] = await booted.database('checkout').query<Record<string, unknown>>(sql, [sagaId]);
      return row ?? {};
    },
    /** The saga's events on the bus: name and content, in order. */
    async events(sagaId: string): Promise<Record<string, unknown>[]> {
      const published = await booted.bus.query<{ type: string; payload: Buffer }>(
        `SELECT type, payload FROM bus.message WHERE key = $1 AND type LIKE 'weft.checkout.%' ORDER BY seq`,
        [sagaId],
      );
      return published.map(({ type, payload }) => {
        const name = type.slice('weft.checkout.v1.'.length);
        return { type: name, ...DECODERS[name]?.decode(payload) };
      });
    },
    async stop() {
      await bus.close();
      await booted.stop();
      await world.stop();
    },
  };
}

export type Checkout = Awaited<ReturnType<typeof openCheckout>>;

const END_STATES: ReadonlySet<SagaState> = new Set([SagaState.SAGA_STATE_COMPLETED, SagaState.SAGA_STATE_COMPENSATED]);

const DECODERS: Readonly<Record<string, { decode(bytes: Uint8Array): object }>> = {
  saga_started: sagaEvents.SagaStarted,
  saga_compensating: sagaEvents.SagaCompensating,
  saga_completed: sagaEvents.SagaCompleted,
  saga_compensated: sagaEvents.SagaCompensated,
  saga_stalled: sagaEvents.SagaStalled,
};

function placedBy(orderId: string, lines: Lines = LINES) {
  return {
    orderId,
    version: 1n,
    occurTime: toTimestamp(new Date()),
    customerId: randomUUID(),
    lines,
    total: GBP(800n),
    paymentMethodToken: TOKEN,
    deliveryMethod: DeliveryMethod.DELIVERY_METHOD_PICK_UP as DeliveryMethod,
  };
}

/** What a call throws: the status code and the stable reason. */
export const failure = (code: number, reason: string) => expect.objectContaining({ code, reason });
