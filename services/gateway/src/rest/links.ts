import type { RoleName } from '@weft/kit/rpc';
import type { JsonObject } from './json-text.ts';
import type { Route } from './routes.ts';
import { expand } from './template.ts';

interface Link {
  readonly rel: string;
  /** Name of the method. */
  readonly method: string;
  /** JSON name in the resource, by the field of the path. */
  readonly from: Readonly<Record<string, string>>;
  /** Absent: always. */
  readonly when?: (resource: JsonObject) => boolean;
}

const status = (...names: string[]) => {
  const wanted = new Set(names);
  return ({ status }: JsonObject) => wanted.has(String(status));
};
const ORDER = { order_id: 'orderId' };
const PAYMENT = { payment_id: 'paymentId' };
const USER = { user_id: 'userId' };
const PRODUCT = { product_id: 'productId' };
const ORDERS = 'weft.orders.v1.OrdersService/';
const PAYMENTS = 'weft.payments.v1.PaymentsService/';
const UNDER_WAY = status('ORDER_STATUS_PLACED', 'ORDER_STATUS_CONFIRMED');
const ORDER_SHIPPED = status('ORDER_STATUS_CONFIRMED', 'ORDER_STATUS_COMPLETED');

/** What can be done with a resource, and where it leads. Who may is in the contracts. */
const LINKS: Readonly<Record<string, readonly Link[]>> = {
  'weft.orders.v1.Order': [
    { rel: 'self', method: `${ORDERS}GetOrder`, from: ORDER },
    { rel: 'events', method: `${ORDERS}ListOrderEvents`, from: ORDER },
    { rel: 'watch', method: `${ORDERS}WatchOrder`, from: ORDER, when: UNDER_WAY },
    { rel: 'cancel', method: `${ORDERS}CancelOrder`, from: ORDER, when: UNDER_WAY },
    { rel: 'return', method: `${ORDERS}ReturnItems`, from: ORDER, when: status('ORDER_STATUS_COMPLETED') },
    // A payment and a shipment have the id of their order.
    { rel: 'payment', method: `${PAYMENTS}GetPayment`, from: { payment_id: 'orderId' } },
    {
      rel: 'tracking',
      method: 'weft.shipping.v1.ShippingService/GetShipment',
      from: { shipment_id: 'orderId' },
      when: ORDER_SHIPPED,
    },
    { rel: 'customer', method: 'weft.users.v1.UsersService/GetUser', from: { user_id: 'customerId' } },
    { rel: 'saga', method: 'weft.checkout.v1.CheckoutService/GetSaga', from: { saga_id: 'orderId' } },
  ],
  'weft.payments.v1.Payment': [
    { rel: 'self', method: `${PAYMENTS}GetPayment`, from: PAYMENT },
    { rel: 'order', method: `${ORDERS}GetOrder`, from: ORDER },
    { rel: 'capture', method: `${PAYMENTS}Capture`, from: PAYMENT, when: status('PAYMENT_STATUS_AUTHORIZED') },
    { rel: 'void', method: `${PAYMENTS}Void`, from: PAYMENT, when: status('PAYMENT_STATUS_AUTHORIZED') },
    { rel: 'refund', method: `${PAYMENTS}Refund`, from: PAYMENT, when: status('PAYMENT_STATUS_CAPTURED') },
  ],
  'weft.shipping.v1.Shipment': [
    { rel: 'self', method: 'weft.shipping.v1.ShippingService/GetShipment', from: { shipment_id: 'shipmentId' } },
    {
      rel: 'watch',
      method: 'weft.shipping.v1.ShippingService/WatchShipment',
      from: { shipment_id: 'shipmentId' },
      when: status('SHIPMENT_STATUS_PENDING', 'SHIPMENT_STATUS_ACCEPTED'),
    },
    { rel: 'order', method: `${ORDERS}GetOrder`, from: ORDER },
  ],
  'weft.users.v1.User': [
    { rel: 'self', method: 'weft.users.v1.UsersService/GetUser', from: USER },
    { rel: 'update', method: 'weft.users.v1.UsersService/UpdateUser', from: USER, when: (user) => !user.deleteTime },
    { rel: 'delete', method: 'weft.users.v1.UsersService/DeleteUser', from: USER, when: (user) => !user.deleteTime },
    { rel: 'orders', method: `${ORDERS}ListOrders`, from: { customer_id: 'userId' } },
    { rel: 'notifications', method: 'weft.notifications.v1.NotificationsService/ListNotifications', from: USER },
  ],
  'weft.checkout.v1.Saga': [
    { rel: 'self', method: 'weft.checkout.v1.CheckoutService/GetSaga', from: { saga_id: 'sagaId' } },
    { rel: 'order', method: `${ORDERS}GetOrder`, from: ORDER },
  ],
  'weft.catalog.v1.Product': [
    { rel: 'self', method: 'weft.catalog.v1.CatalogService/GetProduct', from: PRODUCT },
    { rel: 'update', method: 'weft.catalog.v1.CatalogService/UpdateProduct', from: PRODUCT },
    { rel: 'stock', method: 'weft.inventory.v1.InventoryService/GetStock', from: { stock_code: 'stockCode' } },
  ],
};

export type Links = Readonly<Record<string, { readonly href: string; readonly method?: string }>>;

export interface Linked {
  /** For somebody with these roles. */
  readonly links: Links;
  /** Where the resource is, whoever may read it there. */
  readonly self: string | undefined;
}

/** The links of a resource. Source: draft-kelly-json-hal. */
export type LinksOf = (type: string, resource: JsonObject, roles: readonly RoleName[], version: string) => Linked;

/** Throws where a link names a method that has no route. */
export function createLinks(routes: readonly Route[]): LinksOf {
  const byMethod = Map.groupBy(routes, ({ method, version }) => `${version.name} ${method.contract.name}`);
  const routeOf = ({ method, from, rel }: Link, version: string): Route => {
    const found = byMethod
      .get(`${version} ${method}`)
      ?.find(({ template }) => template.variables.length === Object.keys(from).length);
    if (!found) throw new Error(`the link ${rel} leads nowhere: ${method} has no such route`);
    return found;
  };
  const versions = [...new Set(routes.map(({ version }) => version.name))];
  const found = new Map(
    Object.entries(LINKS).flatMap(([type, links]) =>
      versions.map((version) => {
        const led = links.map((link) => ({ link, route: routeOf(link, version) }));
        return [`${version} ${type}`, led] as const;
      }),
    ),
  );
  return (type, resource, roles, version) => {
    const links: Record<string, Links[string]> = {};
    let self: string | undefined;
    for (const { link, route } of found.get(`${version} ${type}`) ?? []) {
      if (link.when && !link.when(resource)) continue;
      const { http, method, template } = route;
      const { roles: admitted } = method.contract;
      const allowed = admitted.has('public') || roles.some((role) => admitted.has(role));
      if (!allowed && link.rel !== 'self') continue;
      const href = expand(template, (field) => resource[link.from[field] ?? ''] as string | undefined);
      if (link.rel === 'self') self = href;
      if (allowed && href !== undefined) links[link.rel] = { href, ...(http !== 'GET' && { method: http }) };
    }
    return { links, self };
  };
}
