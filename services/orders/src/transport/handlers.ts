import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { OrdersServiceService, PlaceOrderResponse, ReturnItemsResponse } from '@weft/gen/grpc/weft/orders/v1/orders';
import { failPoint } from '@weft/kit/fail-point';
import { decodePageToken, pageOf, pageSize, UUID } from '@weft/kit/paging';
import { type CallContext, type ServiceBinding, serveService } from '@weft/kit/rpc';
import { versionOf, type Wakeups, watchChanges } from '@weft/kit/watch';
import { changeOrder } from '../app/change-order.ts';
import { placeOrder, priceLines } from '../app/place-order.ts';
import type { Catalog, OrdersStore, OrdersTransaction, OrderViews } from '../app/ports.ts';
import { rebuildOrders } from '../app/rebuild-orders.ts';
import { assertVisible, customerFor, listableBy, visibleTo } from '../app/visibility.ts';
import {
  confirm,
  confirmCancellation,
  type Decision,
  reject,
  requestCancellation,
  requestReturn,
  settleReturn,
} from '../domain/decisions.ts';
import { DeliveryAddressNotFound } from '../domain/failures.ts';
import type { Order, SagaStyle } from '../domain/order.ts';
import { fromAddress, fromSagaStyle, fromStatus, toChange, toEvent, toOrder, toReturn } from './messages.ts';

export interface OnceWork<P> {
  readonly prepare?: () => Promise<P>;
  readonly commit: (tx: OrdersTransaction, prepared: P) => Promise<Uint8Array>;
}

export interface OrdersApp {
  readonly store: OrdersStore;
  readonly views: OrderViews;
  readonly catalog: Catalog;
  readonly wakeups: Wakeups;
  /** Runs the work once for the call's idempotency key and gives its encoded response. */
  readonly once: <P>(call: CallContext, key: string, work: OnceWork<P>) => Promise<Uint8Array>;
  /** Of orders that name none. */
  readonly sagaStyle: SagaStyle;
  readonly now: () => Date;
  readonly newId: () => string;
}

/** Of an order, in a page token. */
const VERSION = /^\d{1,18}$/;

export function ordersHandlers(app: OrdersApp): ServiceBinding {
  const { store, views, catalog, wakeups, once, now, newId } = app;
  const change = async (orderId: string, decide: (order: Order) => Decision) => {
    const { order } = await store.transaction((tx) => changeOrder(tx, orderId, decide));
    failPoint('orders', order.status);
    return { order: toOrder(order) };
  };
  return serveService(OrdersServiceService, OrdersService, {
    placeOrder: async (request, call) => {
      const { idempotencyKey, customerId: wanted, lines, paymentMethodToken, deliveryAddress } = request;
      const sagaStyle = fromSagaStyle(request.sagaStyle) ?? app.sagaStyle;
      const address = deliveryAddress && fromAddress(deliveryAddress);
      const customerId = customerFor(call.user, wanted.toLowerCase());
      const response = await once(call, idempotencyKey, {
        prepare: () => priceLines(catalog, lines),
        commit: async (tx, priced) => {
          const command = { orderId: newId(), customerId, lines: priced, paymentMethodToken, address, sagaStyle };
          const order = placeOrder(tx, command, now());
          return PlaceOrderResponse.encode({ order: toOrder(order) }).finish();
        },
      });
      failPoint('orders', 'placed');
      return PlaceOrderResponse.decode(response);
    },
    getOrder: async ({ orderId }, { user }) => {
      const order = visibleTo(user, await store.find(orderId), orderId);
      const address = order.deliveryMethod === 'address' ? await store.deliveryAddress(orderId) : undefined;
      return { order: toOrder(order, address) };
    },
    getDeliveryAddress: async ({ orderId }) => {
      const address = await store.deliveryAddress(orderId);
      if (!address) throw new DeliveryAddressNotFound(orderId);
      return { deliveryAddress: { ...address } };
    },
    listOrders: async ({ customerId, status, pageSize: size, pageToken }, { user }) => {
      const limit = pageSize(size, 50);
      const [before] = pageToken === '' ? [] : decodePageToken(pageToken, [UUID]);
      const wanted = listableBy(user, customerId.toLowerCase());
      const filter = { customerId: wanted, status: fromStatus(status), before, limit: limit + 1 };
      const page = pageOf(await store.list(filter), { size: limit, position: ({ orderId }) => [orderId] });
      return { orders: page.items.map((order) => toOrder(order)), nextPageToken: page.nextPageToken };
    },
    listOrderEvents: async ({ orderId, pageSize: size, pageToken }, { user }) => {
      assertVisible(user, await store.owner(orderId.toLowerCase()), orderId);
      const limit = pageSize(size, 100);
      const [after = '0'] = pageToken === '' ? [] : decodePageToken(pageToken, [VERSION]);
      const found = await store.events(orderId, BigInt(after), limit + 1);
      const page = pageOf(found, { size: limit, position: ({ version }) => [String(version)] });
      return { events: page.items.map(toEvent), nextPageToken: page.nextPageToken };
    },
    rebuildOrders: async function* ({ afterOrderId }, { signal }) {
      const after = afterOrderId === '' ? undefined : afterOrderId.toLowerCase();
      for await (const { lastOrderId, orders, restored, different } of rebuildOrders(views, after)) {
        const counts = { orderCount: BigInt(orders), restoredCount: BigInt(restored) };
        yield { lastOrderId, ...counts, differentOrderIds: [...different], done: false };
        if (signal.aborted) return;
      }
      yield { lastOrderId: '', orderCount: 0n, restoredCount: 0n, differentOrderIds: [], done: true };
    },
    cancelOrder: ({ orderId }, { user }) =>
      change(orderId, (order) => requestCancellation(visibleTo(user, order, orderId), now())),
    returnItems: async ({ idempotencyKey, orderId, lines }, call) => {
      const response = await once(call, idempotencyKey, {
        commit: async (tx) => {
          const { order, returned } = await changeOrder(tx, orderId, (standing) =>
            requestReturn(visibleTo(call.user, standing, orderId), newId(), lines, now()),
          );
          return ReturnItemsResponse.encode({ return: toReturn(order, returned), order: toOrder(order) }).finish();
        },
      });
      return ReturnItemsResponse.decode(response);
    },
    watchOrder: async function* ({ orderId, resumeToken }, { user, signal }) {
      const after = versionOf(resumeToken);
      const id = orderId.toLowerCase();
      assertVisible(user, await store.owner(id), id);
      const read = (seen: bigint | undefined) => store.changes(id, seen);
      for await (const one of watchChanges(read, wakeups, id, after, signal)) yield toChange(one);
    },
    confirmOrder: ({ orderId }) => change(orderId, (order) => confirm(order, now())),
    rejectOrder: ({ orderId, reason, paymentDeclined }) =>
      change(orderId, (order) => reject(order, reason, paymentDeclined ? 'declined' : 'voided', now())),
    confirmCancellation: ({ orderId }) => change(orderId, (order) => confirmCancellation(order, now())),
    settleReturn: ({ orderId, returnId }) =>
      change(orderId, (order) => settleReturn(order, returnId.toLowerCase(), now())),
  });
}
