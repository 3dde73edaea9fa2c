import * as orders from '@weft/gen/es/weft/orders/v1/events_pb';
import * as payments from '@weft/gen/es/weft/payments/v1/events_pb';
import * as shipping from '@weft/gen/es/weft/shipping/v1/events_pb';
import * as users from '@weft/gen/es/weft/users/v1/events_pb';
import type { Money as MoneyMessage } from '@weft/gen/grpc/weft/common/v1/money';
import {
  OrderCancelled,
  OrderCompleted,
  OrderConfirmed,
  OrderPlaced,
  OrderRejected,
} from '@weft/gen/grpc/weft/orders/v1/events';
import { PaymentRefunded } from '@weft/gen/grpc/weft/payments/v1/events';
import { Role } from '@weft/gen/grpc/weft/policy/v1/policy';
import { ShipmentDispatched } from '@weft/gen/grpc/weft/shipping/v1/events';
import { UserDeleted, UserRegistered } from '@weft/gen/grpc/weft/users/v1/events';
import { type ConsumerDefinition, consumer, defineEvent, type EventType, on } from '@weft/kit/events';
import { type Notify, notify } from '../app/notify.ts';
import type { Money, News } from '../domain/letter.ts';
import { eraseUser, notificationsTransaction } from '../store/notifications-store.ts';
import type { NotificationsSchema } from '../store/schema.ts';

const userRegistered = defineEvent(UserRegistered, users.UserRegisteredSchema);
const userDeleted = defineEvent(UserDeleted, users.UserDeletedSchema);
const orderPlaced = defineEvent(OrderPlaced, orders.OrderPlacedSchema);
const orderConfirmed = defineEvent(OrderConfirmed, orders.OrderConfirmedSchema);
const orderRejected = defineEvent(OrderRejected, orders.OrderRejectedSchema);
const orderCancelled = defineEvent(OrderCancelled, orders.OrderCancelledSchema);
const orderCompleted = defineEvent(OrderCompleted, orders.OrderCompletedSchema);
const shipmentDispatched = defineEvent(ShipmentDispatched, shipping.ShipmentDispatchedSchema);
const paymentRefunded = defineEvent(PaymentRefunded, payments.PaymentRefundedSchema);

/** Everything that a customer cares about. */
export function onNews(app: Notify): ConsumerDefinition<NotificationsSchema> {
  /** @param read whom to tell what; nobody, where the event says nothing of them */
  const tell = <T>(event: EventType<T>, read: (content: T) => { userId: string; news: News } | undefined) =>
    [event, ...(event.choreographed ? [event.choreographed] : [])].map((one) =>
      on<T, NotificationsSchema>(one, async (content, tx, { id }) => {
        const found = read(content);
        if (found && found.userId !== '') notify(notificationsTransaction(tx), app, id, found.userId, found.news);
      }),
    );
  const news = [
    tell(userRegistered, ({ userId, roles }) =>
      roles.includes(Role.ROLE_CUSTOMER) ? { userId, news: { kind: 'welcome' } } : undefined,
    ),
    tell(orderPlaced, ({ customerId: userId, orderId, total }) => {
      return { userId, news: { kind: 'order-placed', orderId, total: money(total) } };
    }),
    tell(orderConfirmed, ({ customerId: userId, orderId }) => ({ userId, news: { kind: 'order-confirmed', orderId } })),
    tell(orderRejected, ({ customerId: userId, orderId, reason }) => {
      return { userId, news: { kind: 'order-rejected', orderId, reason } };
    }),
    tell(orderCancelled, ({ customerId: userId, orderId }) => ({ userId, news: { kind: 'order-cancelled', orderId } })),
    tell(orderCompleted, ({ customerId: userId, orderId }) => ({ userId, news: { kind: 'order-completed', orderId } })),
    tell(shipmentDispatched, ({ customerId: userId, orderId, trackingCode }) => {
      return { userId, news: { kind: 'shipment-dispatched', orderId, trackingCode } };
    }),
    tell(paymentRefunded, ({ customerId: userId, orderId, amount }) => {
      return { userId, news: { kind: 'payment-refunded', orderId, amount: money(amount) } };
    }),
  ];
  return consumer('notifications.news', [
    ...news.flat(),
    on(userDeleted, async ({ userId }, tx) => eraseUser(tx, userId)),
  ]);
}

function money(message: MoneyMessage | undefined): Money {
  return { currencyCode: message?.currencyCode ?? 'XXX', minorUnits: message?.minorUnits ?? 0n };
}
