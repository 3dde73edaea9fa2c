import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { PaymentsService } from '@weft/gen/es/weft/payments/v1/payments_pb';
import { ShippingService } from '@weft/gen/es/weft/shipping/v1/shipping_pb';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { CatalogServiceService, type Product } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { type Order, OrderStatus, OrdersServiceService } from '@weft/gen/grpc/weft/orders/v1/orders';
import { PaymentsServiceService } from '@weft/gen/grpc/weft/payments/v1/payments';
import { ShippingServiceService } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { type User, UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import { type HandlersOf, serveService } from '@weft/kit/rpc';
import { type ServedStub, serveStub, some } from '@weft/kit/testing';

export const ORDER_ID = '0198f0a0-0000-7000-8000-000000000001';
export const ALICE = '0198f0a0-0000-7000-8000-00000000000a';
export const MALLORY = '0198f0a0-0000-7000-8000-00000000000f';

const TIME = { seconds: 1_795_000_000n, nanos: 0 };

export function order(values: Partial<Order> = {}): Order {
  return {
    orderId: ORDER_ID,
    customerId: ALICE,
    status: OrderStatus.ORDER_STATUS_PLACED,
    reason: '',
    lines: [
      {
        productId: 'lantern',
        stockCode: 'L-1',
        title: 'Lantern',
        quantity: 2n,
        unitPrice: { currencyCode: 'GBP', minorUnits: 250n },
        returnedQuantity: 0n,
      },
    ],
    returns: [],
    total: { currencyCode: 'GBP', minorUnits: 500n },
    refunded: { currencyCode: 'GBP', minorUnits: 0n },
    version: 3n,
    createTime: TIME,
    updateTime: TIME,
    deliveryMethod: 1,
    deliveryAddress: undefined,
    paymentStatus: 1,
    sagaStyle: 1,
    ...values,
  };
}

export function product(values: Partial<Product> = {}): Product {
  return {
    productId: 'lantern',
    stockCode: 'L-1',
    title: 'Lantern',
    description: '',
    price: { currencyCode: 'GBP', minorUnits: 250n },
    version: 5n,
    createTime: TIME,
    updateTime: TIME,
    available: 7n,
    ...values,
  };
}

export function person(values: Partial<User> = {}): User {
  return {
    userId: ALICE,
    email: 'alice@people.example',
    fullName: 'Alice Example',
    roles: [2],
    version: 1n,
    createTime: TIME,
    updateTime: TIME,
    deleteTime: undefined,
    ...values,
  };
}

export interface StubHandlers {
  readonly catalog?: Partial<HandlersOf<typeof CatalogServiceService>>;
  readonly orders?: Partial<HandlersOf<typeof OrdersServiceService>>;
  readonly users?: Partial<HandlersOf<typeof UsersServiceService>>;
  readonly payments?: Partial<HandlersOf<typeof PaymentsServiceService>>;
  readonly shipping?: Partial<HandlersOf<typeof ShippingServiceService>>;
}

/** Stand-ins over real gRPC for the services that a test says something of. */
export async function serveStubs(handlers: StubHandlers, ports: Readonly<Record<string, number>> = {}) {
  const bindings = {
    catalog: () =>
      serveService(CatalogServiceService, CatalogService, some(CatalogServiceService, handlers.catalog ?? {})),
    orders: () => serveService(OrdersServiceService, OrdersService, some(OrdersServiceService, handlers.orders ?? {})),
    users: () => serveService(UsersServiceService, UsersService, some(UsersServiceService, handlers.users ?? {})),
    payments: () =>
      serveService(PaymentsServiceService, PaymentsService, some(PaymentsServiceService, handlers.payments ?? {})),
    shipping: () =>
      serveService(ShippingServiceService, ShippingService, some(ShippingServiceService, handlers.shipping ?? {})),
  };
  const stubs = new Map<string, ServedStub>();
  for (const [name, bind] of Object.entries(bindings))
    if (name in handlers) stubs.set(name, await serveStub(name, bind(), ports[name]));
  return {
    targets: Object.fromEntries([...stubs].map(([name, { target }]) => [name, target])),
    port: (name: string) => stubs.get(name)?.port ?? 0,
    stop: async (...names: string[]) => {
      const wanted = names.length === 0 ? [...stubs.keys()] : names;
      await Promise.all(wanted.map((name) => stubs.get(name)?.stop()));
    },
  };
}
