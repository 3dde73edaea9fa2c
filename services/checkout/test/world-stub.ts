import { setTimeout as delay } from 'node:timers/promises';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { PaymentsService } from '@weft/gen/es/weft/payments/v1/payments_pb';
import { ShippingService } from '@weft/gen/es/weft/shipping/v1/shipping_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { OrdersServiceService } from '@weft/gen/grpc/weft/orders/v1/orders';
import { PaymentsServiceService } from '@weft/gen/grpc/weft/payments/v1/payments';
import { ShippingServiceService } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { DomainError, InvalidArgument } from '@weft/kit/failure';
import {
  type CallContext,
  type GeneratedService,
  type HandlersOf,
  RemoteError,
  type ServiceBinding,
  serveService,
  status,
} from '@weft/kit/rpc';
import { serveStub } from '@weft/kit/testing';

/** How a stubbed call ends. Whatever is not said ends well. */
export type Fate =
  | { readonly refuse: string }
  /** Not done. */
  | { readonly fail: status }
  /** Done, and the caller never hears of it. */
  | 'lost'
  /** Not done, and the caller waits until its deadline. */
  | 'hang'
  /** Not done until the test lets it. */
  | Promise<unknown>;

export interface StubbedCall {
  readonly method: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly correlationId: string;
}

/** Inventory, payments, shipping and orders that answer as a test says, over gRPC. */
export class WorldStub {
  readonly calls: StubbedCall[] = [];
  /** What a method answers with; nothing otherwise. */
  readonly answers = new Map<string, object>();
  /** The most calls of one order that were ever under way together. */
  mostTogether = 0;
  readonly #fates = new Map<string, (Fate | undefined)[]>();
  readonly #always = new Map<string, Fate>();
  readonly #together = new Map<string, number>();
  readonly #servers: { stop(): Promise<void> }[] = [];
  targets: Readonly<Record<string, string>> = {};

  async start(): Promise<this> {
    this.targets = {
      inventory: await this.#serve('inventory', this.#stub(InventoryServiceService, InventoryService)),
      payments: await this.#serve('payments', this.#stub(PaymentsServiceService, PaymentsService)),
      shipping: await this.#serve('shipping', this.#stub(ShippingServiceService, ShippingService)),
      orders: await this.#serve('orders', this.#stub(OrdersServiceService, OrdersService)),
    };
    return this;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
  }

  /** The fates of an order's next calls of a method, in this order. */
  plan(orderId: string, method: string, ...fates: (Fate | undefined)[]): void {
    const key = `${orderId} ${method}`;
    this.#fates.set(key, [...(this.#fates.get(key) ?? []), ...fates]);
  }

  /** The fate of all later calls, until it is taken back with undefined. */
  always(orderId: string, method: string, fate: Fate | undefined): void {
    if (fate === undefined) this.#always.delete(`${orderId} ${method}`);
    else this.#always.set(`${orderId} ${method}`, fate);
  }

  /** Keeps an order's next call of a method until it is let go. */
  hold(orderId: string, method: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.plan(orderId, method, promise);
    return resolve;
  }

  /** The calls of an order, in the order in which they came. */
  of(orderId: string): string[] {
    return this.calls.filter(({ request }) => idOf(request) === orderId).map(({ method }) => method);
  }

  requests(orderId: string, method: string): StubbedCall['request'][] {
    return this.calls
      .filter((call) => call.method === method && idOf(call.request) === orderId)
      .map((one) => one.request);
  }

  async #answer(method: string, request: StubbedCall['request'], call: CallContext): Promise<void> {
    const orderId = idOf(request);
    const key = `${orderId} ${method}`;
    this.calls.push({ method, request, correlationId: call.correlationId });
    const together = (this.#together.get(orderId) ?? 0) + 1;
    this.#together.set(orderId, together);
    this.mostTogether = Math.max(this.mostTogether, together);
    try {
      await end(this.#fates.get(key)?.shift() ?? this.#always.get(key), call.signal);
    } finally {
      this.#together.set(orderId, (this.#together.get(orderId) ?? 1) - 1);
    }
  }

  #stub<G extends GeneratedService>(generated: G, descriptor: Parameters<typeof serveService>[1]): ServiceBinding {
    const handler = (method: string) => async (request: StubbedCall['request'], call: CallContext) => {
      await this.#answer(method, request, call);
      return { ...generated[method]?.responseDeserialize(Buffer.alloc(0)), ...this.answers.get(method) };
    };
    const handlers = Object.fromEntries(Object.keys(generated).map((method) => [method, handler(method)]));
    return serveService(generated, descriptor, handlers as unknown as HandlersOf<G>);
  }

  async #serve(service: string, binding: ServiceBinding): Promise<string> {
    const server = await serveStub(service, binding);
    this.#servers.push(server);
    return server.target;
  }
}

/** A reservation, a payment and a shipment have their order's id; a restock has that of its return or cancellation. */
function idOf(request: StubbedCall['request']): string {
  return String(
    request.orderId ?? request.reservationId ?? request.paymentId ?? request.shipmentId ?? request.restockId,
  );
}

async function end(fate: Fate | undefined, signal: AbortSignal): Promise<void> {
  // Long enough for two calls to meet, if anything lets them.
  await delay(1);
  if (fate === undefined) return;
  if (fate instanceof Promise) await fate;
  else if (fate === 'hang') await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  else if (fate === 'lost') throw new DomainError('unavailable', 'ANSWER_LOST', 'done, but nobody is told');
  else if ('refuse' in fate) throw new DomainError('failed-precondition', fate.refuse, 'the stub was told to refuse');
  else if (fate.fail === status.INVALID_ARGUMENT) throw new InvalidArgument([]);
  else throw new RemoteError(fate.fail, status[fate.fail] ?? 'UNKNOWN', 'the stub was told to fail');
}
