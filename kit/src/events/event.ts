import { randomUUIDv7 } from 'node:crypto';
import { type DescFile, type DescMessage, getOption, hasOption } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { event as eventOption } from '@weft/gen/es/weft/policy/v1/policy_pb';
import {
  EVENT_ATTEMPT_HEADER,
  EVENT_CALLER_HEADER,
  EVENT_METHOD_HEADER,
  eventHeaders,
  isId,
  ORDER_HEADER,
  USER_HEADER,
} from '../context/index.ts';
import { walkWire } from '../rpc/wire.ts';
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
  readonly schema: DescMessage;
  /** The same event of a choreographed order, where that makes a difference to anybody. */
  readonly choreographed: EventType<T> | undefined;
  create(message: T, context?: EventContext): OutgoingEvent;
  /** @throws Unreadable where the payload is another message's, as its headers say or its bytes, or another aggregate's than the envelope says. */
  decode(message: Pick<OutgoingEvent, 'key' | 'payload'> & Partial<Pick<OutgoingEvent, 'headers'>>): T;
}

/** What is known of a type of event without reading or writing one. */
export type EventContract = Pick<EventType<unknown>, 'type' | 'owner' | 'schema'>;

/** The events that a file of a contract describes. */
export function eventsOf(file: DescFile): EventContract[] {
  return file.messages
    .filter((schema) => hasOption(schema, eventOption))
    .flatMap((schema) => {
      const { subject, choreographedSubject, owner } = getOption(schema, eventOption);
      const types = choreographedSubject === '' ? [subject] : [subject, choreographedSubject];
      return types.map((type) => ({ type, owner, schema }));
    });
}

/** How long the bus keeps the events of a contract: as long as that which has to be kept longest. Milliseconds; undefined where none says so. */
export function longestRetention(events: readonly EventContract[]): number | undefined {
  const stated = events.flatMap(({ schema }) => {
    const { retention } = getOption(schema, eventOption);
    return retention ? [durationMs(retention)] : [];
  });
  return stated.length === 0 ? undefined : Math.max(...stated);
}

const ORDER_FIELD = 'order_id';
const PASSED_ON = [
  'traceparent',
  'tracestate',
  'correlation-id',
  ORDER_HEADER,
  USER_HEADER,
  EVENT_CALLER_HEADER,
  EVENT_METHOD_HEADER,
  EVENT_ATTEMPT_HEADER,
] as const;

const dataSchema = ({ typeName }: DescMessage): string => `urn:protobuf:${typeName}`;

/** An event by its content. Its headers are those of CloudEvents 1.0 in binary mode. */
export function cloudEvent(
  { type, owner, schema, key, payload }: EventContract & Pick<OutgoingEvent, 'key' | 'payload'>,
  { id = randomUUIDv7(), now = new Date(), headers = eventHeaders() }: EventContext = {},
): OutgoingEvent {
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
      'ce-dataschema': dataSchema(schema),
      ...Object.fromEntries(passedOn),
    },
    payload,
  };
}

/**
 * An event as its contract describes it. Its headers are those of CloudEvents 1.0 in binary mode.
 * @throws Error when the message has no option `(weft.policy.v1.event)`, or the option names no string field as the key.
 */
export function defineEvent<T>(codec: EventCodec<T>, schema: DescMessage): EventType<T> {
  const policy = getOption(schema, eventOption);
  const { subject, choreographedSubject, owner } = policy;
  if (!subject || !owner) throw new Error(`${schema.typeName} has no complete option (weft.policy.v1.event)`);
  const field = schema.fields.find(({ name }) => name === policy.key);
  if (field?.fieldKind !== 'scalar')
    throw new Error(`${schema.typeName} has no string field ${policy.key} for its key`);
  const property = field.localName as keyof T;
  const order = schema.fields.find(({ name, proto }) => name === ORDER_FIELD && !proto.options?.debugRedact);
  const orderOf = (message: T) => (order ? message[order.localName as keyof T] : undefined);
  const ofType = (type: string, choreographed: EventType<T> | undefined): EventType<T> => ({
    type,
    owner,
    schema,
    choreographed,
    create(message, context) {
      const key = message[property];
      if (typeof key !== 'string' || key === '') throw new Error(`${schema.typeName} has no ${policy.key}`);
      const event = cloudEvent({ type, owner, schema, key, payload: codec.encode(message).finish() }, context);
      const orderId = orderOf(message);
      return isId(orderId) ? { ...event, headers: { ...event.headers, [ORDER_HEADER]: orderId } } : event;
    },
    decode({ key, payload, headers }) {
      const said = headers?.['ce-dataschema'] ?? dataSchema(schema);
      if (said !== dataSchema(schema)) throw new Unreadable(`not a ${schema.typeName}: ${said.slice(0, 200)}`);
      const { malformed } = walkWire(schema, payload);
      if (malformed) throw new Unreadable(`not a ${schema.typeName}: ${malformed.field} ${malformed.description}`);
      const message = codec.decode(payload);
      if (message[property] !== key) throw new Unreadable(`not a ${schema.typeName} of ${key.slice(0, 100)}`);
      return message;
    },
  });
  return ofType(subject, choreographedSubject === '' ? undefined : ofType(choreographedSubject, undefined));
}

/**
 * The event of choreographed orders alone.
 * @throws Error when its contract gives it no subject of its own.
 */
export function ofChoreographed<T>({ type, choreographed }: EventType<T>): EventType<T> {
  if (!choreographed) throw new Error(`${type} has no choreographed_subject`);
  return choreographed;
}
