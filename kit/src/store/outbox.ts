import type { Statement } from './deferred.ts';
import { bucketOf } from './hash.ts';

/** An event on its way to the bus. */
export interface OutgoingEvent {
  /** UUID. The bus ignores an id that it has already. */
  readonly id: string;
  /** What happened, for example `weft.orders.v1.order_placed`; consumers choose by it. */
  readonly type: string;
  readonly subject: string;
  /** Id of the aggregate: events of one key are handled in the order in which they were published. */
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

export const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;
const MAX_PAYLOAD = 512 * 1024;
const MAX_TEXT = 512;
/** Names and values together, in bytes. */
const MAX_HEADERS = 16 * 1024;
const HEADER_NAME = /^[!#$%&'*+.^_`|~\dA-Za-z-]{1,256}$/;
/** Headers that speak to a broker. */
const OF_BROKER = /^nats-/i;

/** `weft.<service>.v<n>.<event>`, by which events are told apart on a broker. */
export const EVENT_TYPE = /^weft\.([a-z\d]+)\.v\d+\.[a-z\d_]+$/;

/** @throws Error when the bus would not take the event: it would stop all that come after it. */
export function assertPublishable(event: OutgoingEvent): void {
  if (!UUID.test(event.id)) throw new Error(`event ${event.type}: its id is not a UUID`);
  for (const text of [event.type, event.subject, event.key]) {
    if (text === '' || text.length > MAX_TEXT || text.includes('\0')) {
      throw new Error(`event ${event.type}: type, subject and key are text of 1 to ${MAX_TEXT} characters`);
    }
  }
  if (!EVENT_TYPE.test(event.type)) {
    throw new Error(`event ${event.type}: its type is not weft.<service>.v<n>.<event>`);
  }
  assertHeaders(event);
  if (event.payload.length > MAX_PAYLOAD) throw new Error(`event ${event.type}: payload over ${MAX_PAYLOAD} bytes`);
}

function assertHeaders({ type, headers }: OutgoingEvent): void {
  let bytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string' || value.includes('\0')) throw new Error(`event ${type}: headers are text`);
    if (!HEADER_NAME.test(name) || OF_BROKER.test(name)) {
      throw new Error(`event ${type}: a header has a name that is none`);
    }
    bytes += name.length + Buffer.byteLength(value);
  }
  if (bytes > MAX_HEADERS) throw new Error(`event ${type}: headers over ${MAX_HEADERS} bytes`);
}

const COLUMNS = 'bucket, message_id, type, subject, key, headers, payload';
// Nearly always it is one, which takes the server half the time so.
const INSERT_ONE = `INSERT INTO outbox (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)`;
const INSERT_MANY = `
  INSERT INTO outbox (${COLUMNS})
  SELECT bucket, message_id, type, subject, key, headers::jsonb, payload
  FROM unnest($1::int[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[])
    WITH ORDINALITY event(bucket, message_id, type, subject, key, headers, payload, place)
  ORDER BY place`;

/** The statement that adds events to the outbox in their order. */
export function insertOutbox(events: readonly OutgoingEvent[]): Statement {
  const [event, ...others] = events;
  if (!event || others.length > 0) return { text: INSERT_MANY, values: toColumns(events) };
  const { id, type, subject, key, headers, payload } = event;
  return { text: INSERT_ONE, values: [bucketOf(key), id, type, subject, key, headers, payload] };
}

/** The columns of messages as arrays, for statements that take them with unnest. */
export function toColumns(events: readonly OutgoingEvent[]): unknown[][] {
  return [
    events.map(({ key }) => bucketOf(key)),
    events.map(({ id }) => id),
    events.map(({ type }) => type),
    events.map(({ subject }) => subject),
    events.map(({ key }) => key),
    events.map(({ headers }) => JSON.stringify(headers)),
    events.map(({ payload }) => payload),
  ];
}
