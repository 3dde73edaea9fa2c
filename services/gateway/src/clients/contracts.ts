import { type DescMethod, type DescService, getOption, hasOption } from '@bufbuild/protobuf';
import { http } from '@weft/gen/es/google/api/annotations_pb';
import type { HttpRule } from '@weft/gen/es/google/api/http_pb';
import { Health, HealthCheckResponse_ServingStatus } from '@weft/gen/es/grpc/health/v1/health_pb';
import { AuditService } from '@weft/gen/es/weft/audit/v1/audit_pb';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { file_weft_catalog_v1_events } from '@weft/gen/es/weft/catalog/v1/events_pb';
import { CheckoutService } from '@weft/gen/es/weft/checkout/v1/checkout_pb';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { NotificationsService } from '@weft/gen/es/weft/notifications/v1/notifications_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { PaymentsService } from '@weft/gen/es/weft/payments/v1/payments_pb';
import { method as methodPolicy, type View } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { ShippingService } from '@weft/gen/es/weft/shipping/v1/shipping_pb';
import { file_weft_users_v1_events } from '@weft/gen/es/weft/users/v1/events_pb';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { type EventContract, eventsOf } from '@weft/kit/events';

/** The contracts that the edge offers. What of them is offered to whom is written in them. */
export const contracts: readonly DescService[] = [
  UsersService,
  CatalogService,
  InventoryService,
  OrdersService,
  CheckoutService,
  PaymentsService,
  ShippingService,
  NotificationsService,
  AuditService,
];

/** The events that may end copies of answers. */
export const events: readonly EventContract[] = [file_weft_catalog_v1_events, file_weft_users_v1_events].flatMap(
  eventsOf,
);

export { Health, HealthCheckResponse_ServingStatus };

/** `orders` of `weft.orders.v1.OrdersService`: how a service is called in settings. */
export const serviceOf = (descriptor: DescService): string => descriptor.typeName.split('.')[1] ?? '';

/** The views in which REST offers a method's answer. */
export const viewsOf = (method: DescMethod): readonly View[] => getOption(method, methodPolicy).views;

/** States of a resource in which what was asked of it goes on after a method's answer. */
export const acceptedOf = (method: DescMethod): ReadonlySet<string> =>
  new Set(getOption(method, methodPolicy).accepted);

/** A method's routes: the first and its additional bindings. */
export function httpRules(method: DescMethod): HttpRule[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  return [rule, ...rule.additionalBindings];
}
