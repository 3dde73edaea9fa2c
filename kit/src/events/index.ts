export {
  type Bus,
  type Consumer,
  type ConsumerOptions,
  type DeadLetter,
  type Delivery,
  type Message,
  Postponed,
  Unreadable,
} from './bus.ts';
export { defineEvent, type EventCodec, type EventContext, type EventType } from './event.ts';
export type { JetStreamBusOptions } from './jetstream/index.ts';
export { migratePostgresBus, openPostgresBus, type PostgresBus, type PostgresBusOptions } from './postgres/index.ts';
export {
  type ConsumerDefinition,
  consumer,
  type EventMeta,
  on,
  type StartOptions,
  type Subscription,
  startConsumer,
} from './router.ts';
