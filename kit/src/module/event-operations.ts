import { EventOperationsService } from '@weft/gen/es/weft/events/v1/operations_pb';
import {
  type DeadLetter as DeadLetterMessage,
  type EventConsumer,
  type Event as EventMessage,
  EventOperationsServiceService,
} from '@weft/gen/grpc/weft/events/v1/operations';
import { type Bus, type Consumer, type DeadLetter, eventReader, type Published } from '../events/index.ts';
import { DomainError } from '../failure/index.ts';
import { type ServiceBinding, serveService } from '../rpc/index.ts';
import { fromTimestamp, toTimestamp } from '../time/index.ts';

export interface EventOperationsParts {
  readonly bus: Bus;
  /** Types of the events of this service. */
  readonly publishes: readonly string[];
  /** Of this service, by name; those that run. */
  readonly consumers: ReadonlyMap<string, Consumer>;
  readonly now: () => number;
}

/** What operators do about the events of one service. Source: weft.events.v1. */
export function eventOperations({ bus, publishes, consumers, now }: EventOperationsParts): ServiceBinding {
  const reader = eventReader(bus, now);

  const own = async (letter: string): Promise<DeadLetter> => {
    const found = await bus.deadLetter(letter);
    if (!found || !consumers.has(found.consumer))
      throw new DomainError('not-found', 'DEAD_LETTER_NOT_FOUND', 'there is no such dead letter here');
    return found;
  };
  const describeEvent = async (
    event: Pick<Published, 'id' | 'type' | 'key' | 'headers' | 'payload' | 'publishedAt'>,
  ): Promise<EventMessage> => ({
    eventId: event.id,
    type: event.type,
    key: event.key,
    headers: { ...event.headers },
    contentJson: await reader.json(event),
    publishTime: toTimestamp(event.publishedAt),
  });
  const describeLetter = async (letter: DeadLetter): Promise<DeadLetterMessage> => ({
    deadLetterId: letter.letter,
    consumer: letter.consumer,
    event: await describeEvent(letter),
    deliveries: letter.deliveries,
    error: letter.error,
    stack: letter.stack,
    failTime: toTimestamp(letter.failedAt),
    redriving: letter.state === 'redrive',
  });

  return serveService(EventOperationsServiceService, EventOperationsService, {
    async listConsumers() {
      const listed = [...consumers.values()].map(async (one): Promise<EventConsumer> => {
        const [lag, deadLetters] = await Promise.all([one.lag(), bus.countDeadLetters(one.name)]);
        return { name: one.name, types: [...one.types], lag: BigInt(lag), deadLetters };
      });
      return { consumers: (await Promise.all(listed)).sort((a, b) => (a.name < b.name ? -1 : 1)) };
    },
    async replayConsumer({ consumer, fromTime }) {
      if (!consumers.has(consumer) || !fromTime)
        throw new DomainError('not-found', 'CONSUMER_NOT_FOUND', 'this service has no such consumer');
      await bus.replay(consumer, fromTimestamp(fromTime));
      return {};
    },
    async listDeadLetters({ consumer }) {
      const names = [...consumers.keys()].filter((name) => consumer === '' || name === consumer);
      const letters = (await Promise.all(names.map((name) => bus.deadLetters(name)))).flat();
      letters.sort((a, b) => a.failedAt.getTime() - b.failedAt.getTime());
      const described = await Promise.all(letters.slice(0, 1000).map(describeLetter));
      return { deadLetters: described.map((letter) => ({ ...letter, stack: '' })) };
    },
    getDeadLetter: async ({ deadLetterId }) => ({ deadLetter: await describeLetter(await own(deadLetterId)) }),
    async redriveDeadLetter({ deadLetterId }) {
      await bus.redrive((await own(deadLetterId)).letter);
      return {};
    },
    async discardDeadLetter({ deadLetterId }) {
      await bus.discard((await own(deadLetterId)).letter);
      return {};
    },
    async *tailEvents({ types, fromTime }, { signal }) {
      const foreign = types.find((type) => !publishes.includes(type));
      if (foreign !== undefined) {
        throw new DomainError(
          'not-found',
          'EVENT_TYPE_NOT_FOUND',
          `this service publishes no ${foreign.slice(0, 200)}`,
        );
      }
      const options = {
        types: types.length > 0 ? types : publishes,
        ...(fromTime && { from: fromTimestamp(fromTime) }),
        signal,
      };
      for await (const event of bus.tail(options)) yield { event: await describeEvent(event) };
    },
    async listSchemas() {
      const schemas = (await bus.schemas()).map(({ type, message, fingerprint, createdAt, publishers, readers }) => ({
        type,
        message,
        fingerprint,
        createTime: toTimestamp(createdAt),
        publishers: [...publishers],
        readers: [...readers],
      }));
      return { schemas };
    },
  });
}
