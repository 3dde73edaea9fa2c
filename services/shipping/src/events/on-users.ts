import * as schema from '@weft/gen/es/weft/users/v1/events_pb';
import { UserDeleted } from '@weft/gen/grpc/weft/users/v1/events';
import { type ConsumerDefinition, consumer, defineEvent, on } from '@weft/kit/events';
import type { ShippingSchema } from '../store/schema.ts';
import { eraseAddresses } from '../store/shipping-store.ts';

const userDeleted = defineEvent(UserDeleted, schema.UserDeletedSchema);

/** Personal data goes with the account. */
export function onUsers(): ConsumerDefinition<ShippingSchema> {
  return consumer('shipping.users', [on(userDeleted, async ({ userId }, tx) => eraseAddresses(tx, userId))]);
}
