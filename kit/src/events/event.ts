import { randomUUIDv7 } from 'node:crypto';
import { type DescMessage, getOption } from '@bufbuild/protobuf';
import { event as eventOption } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { contextHeaders } from '../context/index.ts';
import type { OutgoingEvent } from '../store/index.ts';
import { Unreadable } from './bus.ts';

/** What ts-proto generates for a message. */
export interface EventCodec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

export interface EventContext {
  /** UUID of the event; a new one of version 7 where absent. */
  readonly id?: string;
  /** The time now where absent. */
  readonly now?: Date;
  /** Of the request that caused it: `traceparent`, `tracestate` and `correlation-id` travel on. The current context's where absent. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

export interface EventType<T> {
  /** `weft.orders.v1.order_placed`: what consumers choose by, and the subject without the aggregate's id. */
  readonly type: string;
  /** The one service that publishes it. */
  readonly owner: string;
  create(message: T, context?: EventContext): OutgoingEvent;
  /** @throws Unreadable */
  decode(payload: Uint8Array): T;
}

const PASSED_ON = ['traceparent', 'tracestate', 'correlation-id'] as const;

/**
 * An event as its contract describes it. Its headers are those of CloudEvents 1.0 in binary mode.
 * @throws Error when the message has no option `(weft.policy.v1.event)`, or the option names no string field as the key.
 */
export function defineEvent<T>(codec: EventCodec<T>, schema: DescMessage): EventType<T> {
  const policy = getOption(schema, eventOption);
  const { subject: type, owner } = policy;
  if (!type || !owner) throw new Error(`${schema.typeName} has no complete option (weft.policy.v1.event)`);
  const field = schema.fields.find(({ name }) => name === policy.key);
  if (field?.fieldKind !== 'scalar')
    throw new Error(`${schema.typeName} has no string field ${policy.key} for its key`);
  const property = field.localName as keyof T;
  const dataschema = `urn:protobuf:${schema.typeName}`;
  return {
    type,
    owner,
    create(message, { id = randomUUIDv7(), now = new Date(), headers = contextHeaders() } = {}) {
      const key = message[property];
      if (typeof key !== 'string' || key === '') throw new Error(`${schema.typeName} has no ${policy.key}`);
      const passedOn = PASSED_ON.flatMap((name) => (headers[name] ? [[name, headers[name]]] : []));
      return {
        id,
        type,
        subject: `${type}.${key}`,
        key,
        headers: {
          'ce-specversion': '1.0',
          'ce-id': id,
          'ce-type': type,
          'ce-source': `/weft/${owner}`,
          'ce-subject': key,
          'ce-time': now.toISOString(),
          'ce-dataschema': dataschema,
          ...Object.fromEntries(passedOn),
        },
        payload: codec.encode(message).finish(),
      };
    },
    decode(payload) {
      try {
        return codec.decode(payload);
      } catch (error) {
        throw new Unreadable(`not a ${schema.typeName}`, { cause: error });
      }
    },
  };
}
