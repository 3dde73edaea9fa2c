import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { services } from '@weft/all/services';
import { AuditService } from '@weft/gen/es/weft/audit/v1/audit_pb';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { CheckoutService } from '@weft/gen/es/weft/checkout/v1/checkout_pb';
import { EventOperationsService } from '@weft/gen/es/weft/events/v1/operations_pb';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { NotificationsService } from '@weft/gen/es/weft/notifications/v1/notifications_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { PaymentsService } from '@weft/gen/es/weft/payments/v1/payments_pb';
import { ShippingService } from '@weft/gen/es/weft/shipping/v1/shipping_pb';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { AuditServiceService } from '@weft/gen/grpc/weft/audit/v1/audit';
import { CatalogServiceService } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { CheckoutServiceService } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { EventOperationsServiceService } from '@weft/gen/grpc/weft/events/v1/operations';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { NotificationsServiceService } from '@weft/gen/grpc/weft/notifications/v1/notifications';
import { type Order, OrderStatus, OrdersServiceService, SagaStyle } from '@weft/gen/grpc/weft/orders/v1/orders';
import { PaymentsServiceService } from '@weft/gen/grpc/weft/payments/v1/payments';
import { ShippingServiceService } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import { createClient, RemoteError, status } from '@weft/kit/rpc';
import { createTracing } from '@weft/kit/telemetry';
import { type BootedProcesses, bootProcesses, eventually, type ProcessSpec } from '@weft/kit/testing';

export type Mode = 'all' | 'split';
/** One process, or one a service. */
export const MODES: readonly Mode[] = ['all', 'split'];

export type Style = 'orchestrated' | 'choreographed';
export const SAGA_STYLE = {
  orchestrated: SagaStyle.SAGA_STYLE_ORCHESTRATED,
  choreographed: SagaStyle.SAGA_STYLE_CHOREOGRAPHED,
} as const satisfies Record<Style, SagaStyle>;
export const STYLES: readonly Style[] = ['orchestrated', 'choreographed'];
/** Every mode with every style. */
export const WAYS = MODES.flatMap((mode) => STYLES.map((style) => [mode, style] as const));

const NAMES = services.map(({ spec }) => spec.name);
export const mainOf = (service: string) => join(import.meta.dirname, `../../services/${service}/src/main.ts`);
/** What runs in a mode. */
export const PROCESSES: Readonly<Record<Mode, readonly ProcessSpec[]>> = {
  all: [{ services: NAMES, main: mainOf('all') }],
  split: NAMES.map((name) => ({ services: [name], main: mainOf(name) })),
};

const ADMIN = { email: 'admin@weft.example', password: 'admin-of-the-test' };

/** A whole shop, as real as on a laptop, with what a flow needs to speak to it. */
export type Shop = Awaited<ReturnType<typeof openShop>>;

export const END_STATES: readonly number[] = [
  OrderStatus.ORDER_STATUS_COMPLETED,
  OrderStatus.ORDER_STATUS_REJECTED,
  OrderStatus.ORDER_STATUS_CANCELLED,
];

/** @param mode one of them, or the processes */
export async function openShop(mode: Mode | readonly ProcessSpec[], extra: Readonly<Record<string, string>> = {}) {
  const admin = { USERS_ADMIN_EMAIL: ADMIN.email, USERS_ADMIN_PASSWORD: ADMIN.password };
  // A machine on which everything starts at once is late without being asked for much.
  const env = { ...admin, GATEWAY_SHED_DELAY_MS: '0', ...extra };
  const processes = typeof mode === 'string' ? PROCESSES[mode] : mode;
  const booted = await bootProcesses(processes, { env });
  const keeper = await shopkeeper((token) => clientsFrom(booted.client, token), ADMIN);
  /** What operators do about the events of a service; as the administrator where there is no token. */
  const eventOperations = (service: string, token = keeper.adminToken) => {
    const options = { target: booted.target(service), tracing, retries: true, token };
    return createClient(EventOperationsServiceService, EventOperationsService, options);
  };
  return { booted, eventOperations, ...keeper };
}

/** Clients of every service, of nobody or of whom the token is of. */
async function clientsFrom(client: BootedProcesses['client'], token?: string, asking = patient) {
  const as = token === undefined ? {} : { token };
  return {
    users: asking(await client(UsersServiceService, UsersService, as)),
    catalog: asking(await client(CatalogServiceService, CatalogService, as)),
    inventory: asking(await client(InventoryServiceService, InventoryService, as)),
    orders: asking(await client(OrdersServiceService, OrdersService, as)),
    payments: asking(await client(PaymentsServiceService, PaymentsService, as)),
    shipping: asking(await client(ShippingServiceService, ShippingService, as)),
    notifications: asking(await client(NotificationsServiceService, NotificationsService, as)),
    checkout: asking(await client(CheckoutServiceService, CheckoutService, as)),
    audit: asking(await client(AuditServiceService, AuditService, as)),
  };
}

const BUSY_TRIES = 3;

/** A client that asks again when a busy machine has not answered in time, as whoever buys does. All that is asked twice is done once. */
function patient<C extends object>(client: C): C {
  return new Proxy(client, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...request: unknown[]) => {
        const ask = () => method.apply(target, request) as unknown;
        const answer = ask();
        return answer instanceof Promise ? untilAnswered(answer, ask) : answer;
      };
    },
  });
}

async function untilAnswered(first: Promise<unknown>, ask: () => unknown): Promise<unknown> {
  let answer: unknown = first;
  for (let attempt = 1; ; attempt++) {
    try {
      return await answer;
    } catch (error) {
      const late = error instanceof RemoteError && error.code === status.DEADLINE_EXCEEDED;
      if (!late || attempt === BUSY_TRIES) throw error;
      answer = ask();
    }
  }
}

type Clients = Awaited<ReturnType<typeof clientsFrom>>;

const tracing = createTracing({ service: 'test', version: '0', ratio: 0, endpoint: '' });

/** Clients of services that run elsewhere; without `retries` nothing is ever asked twice. */
export function clientsAt(target: (service: string) => string, token?: string, retries = true): Promise<Clients> {
  return clientsFrom(
    async (generated, descriptor) => {
      const service = descriptor.typeName.split('.')[1] ?? '';
      const options = { target: target(service), tracing, retries };
      return createClient(generated, descriptor, token === undefined ? options : { ...options, token });
    },
    token,
    retries ? patient : (client) => client,
  );
}

export type Shopkeeper = Awaited<ReturnType<typeof shopkeeper>>;

/** What a flow needs to speak to a shop: its administrator, its customers and its goods. */
export async function shopkeeper(
  clients: (token?: string) => Promise<Clients>,
  login: { email: string; password: string },
) {
  const { users } = await clients();
  const { accessToken } = await users.login(login);
  const admin = await clients(accessToken);
  return {
    admin,
    adminToken: accessToken,
    /** A new customer, signed in. */
    async customer() {
      const email = `${randomUUID()}@shop.example`;
      const password = 'correct horse';
      const { user } = await users.register({ email, password, fullName: 'A Customer' });
      const login = await users.login({ email, password });
      return { id: user?.userId ?? '', token: login.accessToken, ...(await clients(login.accessToken)) };
    },
    /** A new product with stock of its own; gives its id, which is its stock code as well. */
    async product({ price = 250n, stock = 10n } = {}) {
      const productId = `P-${randomUUID().slice(0, 8)}`;
      await admin.inventory.setStock({ stockCode: productId, onHand: stock });
      await admin.catalog.createProduct({
        productId,
        stockCode: productId,
        title: 'Lantern',
        description: '',
        price: { currencyCode: 'GBP', minorUnits: price },
      });
      return productId;
    },
    /** The order once it is in an end state with nothing under way. */
    ended(orderId: string, withinMs = 20_000): Promise<Order> {
      return eventually(async () => {
        const { order } = await admin.orders.getOrder({ orderId });
        const open = order?.returns.some((one) => one.settleTime === undefined);
        if (!order || !END_STATES.includes(order.status) || open) throw new Error(`order is ${order?.status}`);
        return order;
      }, withinMs);
    },
    async stock(stockCode: string) {
      const { stock } = await admin.inventory.getStock({ stockCode });
      return { onHand: stock?.onHand, reserved: stock?.reserved };
    },
    /** The order once it has this status. */
    reached(orderId: string, status: OrderStatus, withinMs = 20_000): Promise<Order> {
      return eventually(async () => {
        const { order } = await admin.orders.getOrder({ orderId });
        if (order?.status !== status) throw new Error(`order is ${order?.status}`);
        return order;
      }, withinMs);
    },
    async shipment(orderId: string) {
      return (await admin.shipping.getShipment({ shipmentId: orderId })).shipment;
    },
    async payment(orderId: string) {
      const { payment } = await admin.payments.getPayment({ paymentId: orderId });
      return {
        status: payment?.status,
        captured: payment?.captured?.minorUnits,
        refunded: payment?.refunded?.minorUnits,
      };
    },
  };
}

export function orderOf(productId: string, quantity = 1n, paymentMethodToken = 'tok_approved') {
  const lines = [{ productId, quantity }];
  return {
    idempotencyKey: randomUUID(),
    customerId: '',
    lines,
    paymentMethodToken,
    deliveryAddress: undefined,
    sagaStyle: SagaStyle.SAGA_STYLE_UNSPECIFIED as SagaStyle,
  };
}

/** The same order, with who takes it to its end. */
export const styled = <R extends { sagaStyle: SagaStyle }>(style: Style, request: R) => ({
  ...request,
  sagaStyle: SAGA_STYLE[style],
});

/** An address by whose postal code the carrier chooses; undefined: the customer picks it up. */
export function addressIn(postalCode: string | undefined) {
  if (postalCode === undefined) return undefined;
  const street = '155 Country Lane';
  return { recipient: 'A Customer', street, city: 'Cottington', postalCode, countryCode: 'GB' };
}
