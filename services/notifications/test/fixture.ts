import { randomUUID } from 'node:crypto';
import { NotificationsService } from '@weft/gen/es/weft/notifications/v1/notifications_pb';
import * as orders from '@weft/gen/es/weft/orders/v1/events_pb';
import * as payments from '@weft/gen/es/weft/payments/v1/events_pb';
import * as shipping from '@weft/gen/es/weft/shipping/v1/events_pb';
import * as usersEvents from '@weft/gen/es/weft/users/v1/events_pb';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { type Notification, NotificationsServiceService } from '@weft/gen/grpc/weft/notifications/v1/notifications';
import * as orderMessages from '@weft/gen/grpc/weft/orders/v1/events';
import { PaymentRefunded } from '@weft/gen/grpc/weft/payments/v1/events';
import { Role } from '@weft/gen/grpc/weft/policy/v1/policy';
import { ShipmentDispatched } from '@weft/gen/grpc/weft/shipping/v1/events';
import { UserDeleted, UserRegistered } from '@weft/gen/grpc/weft/users/v1/events';
import { User, UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import { defineEvent, type Message, openPostgresBus } from '@weft/kit/events';
import { DomainError } from '@weft/kit/failure';
import { serveService } from '@weft/kit/rpc';
import { createLogger } from '@weft/kit/telemetry';
import { type As, boot, serveStub, some } from '@weft/kit/testing';
import { toTimestamp } from '@weft/kit/time';
import { type defineNotifications, notifications } from '../src/module.ts';

const GBP = (minorUnits: bigint) => ({ currencyCode: 'GBP', minorUnits });

const registered = defineEvent(UserRegistered, usersEvents.UserRegisteredSchema);
const deleted = defineEvent(UserDeleted, usersEvents.UserDeletedSchema);
const placed = defineEvent(orderMessages.OrderPlaced, orders.OrderPlacedSchema);
const confirmed = defineEvent(orderMessages.OrderConfirmed, orders.OrderConfirmedSchema);
const rejected = defineEvent(orderMessages.OrderRejected, orders.OrderRejectedSchema);
const cancelled = defineEvent(orderMessages.OrderCancelled, orders.OrderCancelledSchema);
const completed = defineEvent(orderMessages.OrderCompleted, orders.OrderCompletedSchema);
const dispatched = defineEvent(ShipmentDispatched, shipping.ShipmentDispatchedSchema);
const refunded = defineEvent(PaymentRefunded, payments.PaymentRefundedSchema);

/** What happens to a customer and an order of theirs, as events. */
export function newsOf(customerId: string, orderId: string) {
  const head = { version: 1n, occurTime: toTimestamp(new Date()) };
  const order = { ...head, orderId, customerId };
  const paid = {
    lines: [],
    total: GBP(1234n),
    paymentMethodToken: 'tok_secret',
    deliveryMethod: 0 as const,
    sagaStyle: 0 as const,
  };
  const refund = { paymentId: orderId, refundId: randomUUID(), amount: GBP(5n) };
  return {
    registered: registered.create({ ...head, userId: customerId, roles: [Role.ROLE_CUSTOMER] }),
    hired: registered.create({ ...head, userId: customerId, roles: [Role.ROLE_ADMIN] }),
    placed: placed.create({ ...order, ...paid }),
    confirmed: confirmed.create(order),
    rejected: rejected.create({ ...order, reason: 'CARD_DECLINED' }),
    cancelled: cancelled.create(order),
    completed: completed.create(order),
    dispatched: dispatched.create({ ...order, shipmentId: orderId, trackingCode: 'SIM-1' }),
    refunded: refunded.create({ ...order, ...refund }),
    refundedOfNobody: refunded.create({ ...order, ...refund, customerId: '' }),
    deleted: deleted.create({ ...head, userId: customerId }),
  };
}

/** Users that answer as their contract says, over gRPC. */
export async function startUsersStub() {
  const accounts = new Map<string, { email: string; fullName: string }>();
  const asked: string[] = [];
  const handlers = some(UsersServiceService, {
    getUser: async ({ userId }) => {
      asked.push(userId);
      const account = accounts.get(userId);
      if (!account) throw new DomainError('not-found', 'USER_NOT_FOUND', 'there is no such account');
      const erased = account.email === '' ? toTimestamp(new Date()) : undefined;
      return { user: { ...User.decode(new Uint8Array()), ...account, userId, deleteTime: erased } };
    },
  });
  const server = await serveStub('users', serveService(UsersServiceService, UsersService, handlers));
  return { target: server.target, accounts, asked, stop: () => server.stop() };
}

export type UsersStub = Awaited<ReturnType<typeof startUsersStub>>;

/** Notifications as they run, next to a stub of users, with what their tests look at. */
export async function openMailroom(
  env: Readonly<Record<string, string>> = {},
  service: ReturnType<typeof defineNotifications> = notifications,
) {
  const users = await startUsersStub();
  const booted = await boot([service], { env, targets: { users: users.target } });
  const logger = createLogger({ level: 'silent', pretty: false });
  const bus = openPostgresBus({ url: booted.bus.url, name: 'test', logger });
  const as = (who: As) => booted.client(NotificationsServiceService, NotificationsService, who);
  const support = await as({ user: { id: randomUUID(), roles: ['support'] } });
  return {
    booted,
    users,
    as,
    support,
    /** A customer whom users knows. */
    customer(email = `${randomUUID()}@people.example`, fullName = 'Ford Prefect'): string {
      const userId = randomUUID();
      users.accounts.set(userId, { email, fullName });
      return userId;
    },
    async publish(...messages: Message[]): Promise<void> {
      await bus.publish(messages);
      await booted.settle(10_000);
    },
    /** What a user was told, newest first. */
    async told(userId: string): Promise<Notification[]> {
      return (await support.listNotifications({ userId, pageSize: 0, pageToken: '' })).notifications;
    },
    /** Makes due now what is to be sent again later. */
    async hurry(): Promise<void> {
      const sql = 'UPDATE notification SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL';
      await booted.database('notifications').query(sql);
    },
    async stop() {
      await bus.close();
      await booted.stop();
      await users.stop();
    },
  };
}

export type Mailroom = Awaited<ReturnType<typeof openMailroom>>;
