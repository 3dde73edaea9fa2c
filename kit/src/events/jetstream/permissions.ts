import { ATTEMPTS, LETTERS, REGISTRY, SCHEMAS, streamOf, token } from './subjects.ts';

/** What a contract says of an event that the broker has to know. */
export interface EventRoute {
  readonly owner: string;
  /** Services that are told of it. */
  readonly consumers: readonly string[];
}

/** Subjects that a user of the broker may publish to and subscribe to; no others. */
export interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** Where a user hears answers: nobody else does. */
export const inboxOf = (user: string): string => `_INBOX.${token(user)}`;

/**
 * What a service needs of the broker: it publishes its own events, reads the streams of those whose events its contract has it
 * told of, has its part of what is the bus's own, and says in the registry where it is itself. Nobody may delete or empty a stream, or read one that is not meant for it.
 */
export function permissionsOf(
  service: string,
  events: readonly EventRoute[],
  /** Services whose events it reads besides, whatever their contracts say. */
  read: readonly string[] = [],
): Permissions {
  const heard = events.filter(({ consumers }) => consumers.includes(service)).map(({ owner }) => owner);
  const readable = [...new Set([service, ...heard, ...read])].sort().map(streamOf);
  const shared = [LETTERS, ATTEMPTS, `KV_${SCHEMAS}`];
  const streams = [...readable, ...shared];
  return {
    publish: [
      `weft.${service}.>`,
      `${LETTERS}.>`,
      `${ATTEMPTS}.>`,
      `$KV.${SCHEMAS}.>`,
      `$KV.${REGISTRY}.${service}.>`,
      `$JS.API.STREAM.CREATE.KV_${REGISTRY}`,
      `$JS.API.DIRECT.GET.KV_${REGISTRY}`,
      '$JS.API.INFO',
      '$JS.API.STREAM.LIST',
      '$JS.API.STREAM.INFO.*',
      '$JS.API.CONSUMER.INFO.*.*',
      ...streams.map((stream) => `$JS.API.STREAM.CREATE.${stream}`),
      ...[streamOf(service), ...shared].map((stream) => `$JS.API.STREAM.UPDATE.${stream}`),
      ...streams.flatMap(reading),
    ],
    subscribe: [`${inboxOf(service)}.>`, `$KV.${REGISTRY}.>`],
  };
}

const reading = (stream: string): string[] => [
  `$JS.API.STREAM.MSG.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}.>`,
  `$JS.API.CONSUMER.CREATE.${stream}.>`,
  `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.*`,
  `$JS.API.CONSUMER.RESET.${stream}.*`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
  `$JS.ACK.${stream}.>`,
  `$JS.FC.${stream}.>`,
];
