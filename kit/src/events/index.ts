export {
  type Bus,
  type Consumer,
  type ConsumerOptions,
  type DeadLetter,
  type Delivery,
  type EventSchema,
  GIVEN_UP,
  type GivenUp,
  type Message,
  Postponed,
  type Published,
  type RegisteredSchema,
  type Tailed,
  type TailOptions,
  Unreadable,
} from './bus.ts';
export {
  cloudEvent,
  defineEvent,
  type EventCodec,
  type EventContext,
  type EventContract,
  type EventType,
  eventsOf,
  longestRetention,
  ofChoreographed,
} from './event.ts';
export type { JetStreamBusOptions } from './jetstream/index.ts';
export { migratePostgresBus, openPostgresBus, type PostgresBus, type PostgresBusOptions } from './postgres/index.ts';
export { type EventReader, eventReader } from './reader.ts';
export {
  type ConsumerDefinition,
  consumer,
  type EventMeta,
  on,
  type StartOptions,
  type Subscription,
  startConsumer,
} from './router.ts';
export { assertReadable, eventSchema } from './schema.ts';
