import type { DescMessage } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import { failPoint } from '../fail-point/index.ts';
import { DomainError } from '../failure/index.ts';
import { type Database, receiveOnce, type UnitOfWork } from '../store/index.ts';
import { type Bus, type Consumer, type ConsumerOptions, type Delivery, Postponed, Unreadable } from './bus.ts';
import type { EventType } from './event.ts';

/** What is known of an event besides its content. */
export interface EventMeta {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly deliveries: number;
  readonly publishedAt: Date;
  /** Name of the consumer that handles it. */
  readonly consumer: string;
}

type Handle<Schema> = (tx: UnitOfWork<Schema>) => Promise<void>;

/** What a consumer does about one type of event. */
export interface Subscription<Schema> {
  readonly type: string;
  /** What it was built with. */
  readonly schema: DescMessage;
  /** Decodes first, so that an unreadable event never opens a transaction. */
  read(payload: Uint8Array, meta: EventMeta): Handle<Schema>;
}

export interface ConsumerDefinition<Schema> {
  readonly name: string;
  readonly subscriptions: readonly Subscription<Schema>[];
}

export interface StartOptions
  extends Pick<ConsumerOptions, 'maxDeliveries' | 'backoffMs' | 'handleTimeoutMs' | 'onGivenUp'> {
  readonly logger: Logger;
  readonly now?: () => Date;
  /** Around each delivery: for context, trace and metrics. Has to call `next` and to let its failure through. */
  readonly around?: (meta: EventMeta, next: () => Promise<void>) => Promise<void>;
}

/** Handles an event in a unit of work that also notes the event as handled: its effect takes place once. */
export function on<T, Schema>(
  event: EventType<T>,
  handler: (event: T, tx: UnitOfWork<Schema>, meta: EventMeta) => Promise<void>,
): Subscription<Schema> {
  return {
    type: event.type,
    schema: event.schema,
    read(payload, meta) {
      const content = event.decode({ payload, key: meta.key, headers: meta.headers });
      return (tx) => handler(content, tx, meta);
    },
  };
}

/** @param name stable, for example `inventory.release-stock`: under it the bus and the inbox know what was handled. */
export function consumer<Schema>(
  name: string,
  subscriptions: readonly Subscription<Schema>[],
): ConsumerDefinition<Schema> {
  const types = new Set(subscriptions.map(({ type }) => type));
  if (types.size !== subscriptions.length) throw new Error(`${name} has two handlers for one type of event`);
  return { name, subscriptions };
}

export function startConsumer<Schema>(
  bus: Bus,
  db: Database<Schema>,
  { name, subscriptions }: ConsumerDefinition<Schema>,
  { logger, now = () => new Date(), around = (_, next) => next(), ...options }: StartOptions,
): Consumer {
  const byType = new Map(subscriptions.map((subscription) => [subscription.type, subscription]));
  const handle = async (delivery: Delivery) => {
    const { id, type, key, headers, deliveries, publishedAt, payload } = delivery;
    const meta: EventMeta = { id, type, key, headers, deliveries, publishedAt, consumer: name };
    await around(meta, async () => {
      const subscription = byType.get(type);
      if (!subscription) throw new Unreadable(`${name} has no handler for ${type}`);
      const work = subscription.read(payload, meta);
      failPoint(name, type, 'begun');
      const first = await receiveOnce(db, { consumer: name, messageId: id, receivedAt: now() }, work);
      if (!first) logger.debug({ consumer: name, event: id }, 'event was handled before');
      failPoint(name, type, 'handled');
    });
  };
  return bus.consume({
    ...options,
    name,
    types: [...byType.keys()],
    async handle(delivery) {
      try {
        await handle(delivery);
      } catch (error) {
        throw error instanceof DomainError && error.kind === 'unavailable' ? new Postponed(error) : error;
      }
    },
  });
}
