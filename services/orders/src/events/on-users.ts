import * as schema from '@weft/gen/es/weft/users/v1/events_pb';
import { UserDeleted } from '@weft/gen/grpc/weft/users/v1/events';
import { type ConsumerDefinition, consumer, defineEvent, on } from '@weft/kit/events';
import { eraseAddresses } from '../store/orders-store.ts';
import type { OrdersSchema } from '../store/schema.ts';

const userDeleted = defineEvent(UserDeleted, schema.UserDeletedSchema);

/** Personal data goes with the account. */
export function onUsers(): ConsumerDefinition<OrdersSchema> {
  return consumer('orders.users', [on(userDeleted, async ({ userId }, tx) => eraseAddresses(tx, userId))]);
}
