import { AuditService } from '@weft/gen/es/weft/audit/v1/audit_pb';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { CheckoutService } from '@weft/gen/es/weft/checkout/v1/checkout_pb';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { PaymentsService } from '@weft/gen/es/weft/payments/v1/payments_pb';
import { ShippingService } from '@weft/gen/es/weft/shipping/v1/shipping_pb';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { AuditServiceService } from '@weft/gen/grpc/weft/audit/v1/audit';
import { CatalogServiceService } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { CheckoutServiceService } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { OrdersServiceService } from '@weft/gen/grpc/weft/orders/v1/orders';
import { PaymentsServiceService } from '@weft/gen/grpc/weft/payments/v1/payments';
import { ShippingServiceService } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import { createClient } from '@weft/kit/rpc';
import { createTracing } from '@weft/kit/telemetry';
import type { Targets } from './targets.ts';

/** A typed client of each service, one channel each. */
export type Clients = ReturnType<typeof createClients>;

const tracing = createTracing({ service: 'cli', version: '0.1.0', ratio: 0, endpoint: '' });

/** What a client of this command needs to know of where it calls. */
export const to = (target: string) => ({ target, tracing, retries: true });

export function createClients(targets: Targets) {
  const clients = {
    users: createClient(UsersServiceService, UsersService, to(targets.users)),
    catalog: createClient(CatalogServiceService, CatalogService, to(targets.catalog)),
    inventory: createClient(InventoryServiceService, InventoryService, to(targets.inventory)),
    orders: createClient(OrdersServiceService, OrdersService, to(targets.orders)),
    checkout: createClient(CheckoutServiceService, CheckoutService, to(targets.checkout)),
    payments: createClient(PaymentsServiceService, PaymentsService, to(targets.payments)),
    shipping: createClient(ShippingServiceService, ShippingService, to(targets.shipping)),
    audit: createClient(AuditServiceService, AuditService, to(targets.audit)),
  };
  return {
    ...clients,
    close: () => {
      for (const client of Object.values(clients)) client.close();
    },
  };
}
