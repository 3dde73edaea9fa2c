import type { DescService } from '@bufbuild/protobuf';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { CheckoutService } from '@weft/gen/es/weft/checkout/v1/checkout_pb';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { PaymentsService } from '@weft/gen/es/weft/payments/v1/payments_pb';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { CatalogServiceService } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { CheckoutServiceService } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { OrdersServiceService } from '@weft/gen/grpc/weft/orders/v1/orders';
import { PaymentsServiceService } from '@weft/gen/grpc/weft/payments/v1/payments';
import { UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import type { GeneratedService } from '@weft/kit/rpc';

/** Every service of our contracts, as both generators write it. */
export const contracts: readonly { readonly descriptor: DescService; readonly generated: GeneratedService }[] = [
  { descriptor: UsersService, generated: UsersServiceService },
  { descriptor: CatalogService, generated: CatalogServiceService },
  { descriptor: InventoryService, generated: InventoryServiceService },
  { descriptor: OrdersService, generated: OrdersServiceService },
  { descriptor: CheckoutService, generated: CheckoutServiceService },
  { descriptor: PaymentsService, generated: PaymentsServiceService },
];
