import type { DescService } from '@bufbuild/protobuf';
import { type Client, createClient, type Transport } from '@connectrpc/connect';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { NotificationsService } from '@weft/gen/es/weft/notifications/v1/notifications_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { PaymentsService } from '@weft/gen/es/weft/payments/v1/payments_pb';
import { ShippingService } from '@weft/gen/es/weft/shipping/v1/shipping_pb';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import type { RetryOptions } from './retry.ts';
import { createSession, type Session, type SessionOptions } from './session.ts';
import { contractTransport } from './transport.ts';

export interface WeftOptions extends SessionOptions {
  /** Of @connectrpc/connect-web or @connectrpc/connect-node, with the address of the gateway. */
  readonly transport: Transport;
  readonly retries?: RetryOptions;
}

/** A shop to talk to. Calls throw WeftError. */
export interface Weft {
  readonly session: Session;
  readonly users: Client<typeof UsersService>;
  readonly catalog: Client<typeof CatalogService>;
  readonly inventory: Client<typeof InventoryService>;
  readonly orders: Client<typeof OrdersService>;
  readonly payments: Client<typeof PaymentsService>;
  readonly shipping: Client<typeof ShippingService>;
  readonly notifications: Client<typeof NotificationsService>;
  /** Of any other service that the gateway offers. */
  client<S extends DescService>(service: S): Client<S>;
}

export function createWeft({ transport, retries = {}, ...sessionOptions }: WeftOptions): Weft {
  const open = contractTransport(transport, { retries, session: undefined });
  const session = createSession(createClient(UsersService, open), sessionOptions);
  const signedIn = contractTransport(transport, { retries, session });
  const client = <S extends DescService>(service: S) => createClient(service, signedIn);
  return {
    session,
    client,
    users: client(UsersService),
    catalog: client(CatalogService),
    inventory: client(InventoryService),
    orders: client(OrdersService),
    payments: client(PaymentsService),
    shipping: client(ShippingService),
    notifications: client(NotificationsService),
  };
}
