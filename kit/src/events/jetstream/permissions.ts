import { BUCKETS } from '../../store/hash.ts';
import { ATTEMPTS, durableOf, LETTERS, NOTICES, REGISTRY, SCHEMAS, streamOf, token } from './subjects.ts';

/** What a contract says of an event that the broker has to know. */
export interface EventRoute {
  readonly owner: string;
  readonly subject: string;
  /** Empty where it has none. */
  readonly choreographedSubject: string;
  /** Who is told of it: consumers, `<service>.<what>`, and services that follow it without one. */
  readonly consumers: readonly string[];
}

/** Subjects that a user of the broker may publish to and subscribe to; no others. */
export interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

const KV_SCHEMAS = `KV_${SCHEMAS}`;

/** Where a user hears answers: nobody else does. */
export const inboxOf = (user: string): string => `_INBOX.${token(user)}`;

/** The service of a consumer, or the one that follows an event without one. */
export const readerOf = (consumer: string): string => consumer.split('.', 1)[0] ?? '';

/**
 * What a service needs of the broker: it publishes its own events, reads the streams of those whose events its contract has it
 * told of, as the consumers that the contract names, writes the dead letters and attempts of those and the versions of these events, and
 * says in the registry where it is itself; all tell each other what is kept nowhere. Nobody may delete or purge a stream, or read one that is not meant for it.
 */
export function permissionsOf(
  service: string,
  events: readonly EventRoute[],
  /** Services whose events it follows besides, whatever their contracts say. */
  read: readonly string[] = [],
): Permissions {
  const told = events.flatMap((event) =>
    event.consumers.filter((one) => readerOf(one) === service).map((consumer) => ({ ...event, consumer })),
  );
  const consumers = sorted(told.map(({ consumer }) => consumer).filter((consumer) => consumer !== service));
  const owners = sorted(told.map(({ owner }) => owner));
  const followed = sorted([
    service,
    ...told.flatMap(({ owner, consumer }) => (consumer === service ? [owner] : [])),
    ...read,
  ]);
  const streams = sorted([...owners, ...followed]).map(streamOf);
  const types = sorted(
    told.flatMap(({ subject, choreographedSubject }) => [subject, choreographedSubject].filter(Boolean)),
  );
  return {
    publish: [
      `weft.${service}.>`,
      ...consumers.flatMap((one) => [`${LETTERS}.${token(one)}.>`, `${ATTEMPTS}.${token(one)}.>`]),
      `$KV.${SCHEMAS}.use.${service}`,
      `$KV.${SCHEMAS}.version.weft.${service}.>`,
      ...types.map((type) => `$KV.${SCHEMAS}.version.${type}.*`),
      `$KV.${REGISTRY}.${service}.>`,
      `${NOTICES}.*`,
      `$JS.API.STREAM.CREATE.KV_${REGISTRY}`,
      `$JS.API.DIRECT.GET.KV_${REGISTRY}`,
      '$JS.API.INFO',
      '$JS.API.STREAM.LIST',
      '$JS.API.STREAM.INFO.*',
      '$JS.API.CONSUMER.INFO.*.*',
      ...[...streams, LETTERS, ATTEMPTS, KV_SCHEMAS].map((stream) => `$JS.API.STREAM.CREATE.${stream}`),
      ...[streamOf(service), LETTERS, ATTEMPTS].map((stream) => `$JS.API.STREAM.UPDATE.${stream}`),
      ...[...streams, LETTERS].flatMap(getting),
      `$JS.API.STREAM.MSG.GET.${ATTEMPTS}`,
      ...getting(KV_SCHEMAS),
      `$JS.API.DIRECT.GET.${KV_SCHEMAS}.>`,
      ...[...followed.map(streamOf), KV_SCHEMAS].flatMap(following),
      `$JS.FC.${KV_SCHEMAS}.>`,
      ...consumers.flatMap((consumer) => [
        ...sorted(told.flatMap((one) => (one.consumer === consumer ? [streamOf(one.owner)] : []))).flatMap((stream) =>
          Array.from({ length: BUCKETS }, (_, bucket) => handling(stream, durableOf(consumer, bucket))).flat(),
        ),
        ...handling(LETTERS, token(consumer)),
      ]),
    ],
    subscribe: [`${inboxOf(service)}.>`, `$KV.${REGISTRY}.>`, `${NOTICES}.*`],
  };
}

const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort();

const getting = (stream: string): string[] => [`$JS.API.STREAM.MSG.GET.${stream}`, `$JS.API.DIRECT.GET.${stream}`];

/** By consumers that nobody shares, whose names are made when they are. */
const following = (stream: string): string[] => [
  `$JS.API.CONSUMER.CREATE.${stream}.>`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
];

const handling = (stream: string, durable: string): string[] => [
  `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${durable}`,
  `$JS.API.CONSUMER.RESET.${stream}.${durable}`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
  `$JS.ACK.${stream}.${durable}.>`,
];
