import { type MsgHdrs, MsgHdrsImpl } from '@nats-io/transport-node';
import { UUID } from '../../store/outbox.ts';
import { type Message, Unreadable } from '../bus.ts';
import { parseSubject, serviceOf, streamOf, token } from './subjects.ts';

export const CONTENT_TYPE = 'application/protobuf';
/** Headers that may say it: the attribute, and what versions before this one wrote instead. */
const CONTENT_TYPES: readonly string[] = ['ce-datacontenttype', 'content-type'];

/** Names on the wire that are others in the system. */
const WIRE_NAMES: Readonly<Record<string, string>> = { 'correlation-id': 'x-correlation-id' };
const OWN_NAMES = Object.fromEntries(Object.entries(WIRE_NAMES).map(([own, wire]) => [wire, own]));

const ENCODED = /[^!#$&-~]/u;
const ALL_ENCODED = new RegExp(ENCODED, 'gu');

/** As CloudEvents binds attributes to headers: what is not printable ASCII, a space, `"` and `%` are percent-encoded. */
export const encodeValue = (value: string): string =>
  ENCODED.test(value)
    ? value.replaceAll(ALL_ENCODED, (character) =>
        Buffer.from(character).reduce((all, byte) => `${all}%${byte.toString(16).padStart(2, '0').toUpperCase()}`, ''),
      )
    : value;

/** @throws URIError */
export const decodeValue = (value: string): string => (value.includes('%') ? decodeURIComponent(value) : value);

/** Headers that are known to be well-formed: to have the client see to it, and write them, takes five times as long. */
class Written extends MsgHdrsImpl {
  put(name: string, value: string): void {
    this.headers.set(WIRE_NAMES[name] ?? name, [encodeValue(value)]);
  }

  override encode(): Uint8Array {
    let text = 'NATS/1.0\r\n';
    for (const [name, values] of this.headers) text += `${name}: ${values[0]}\r\n`;
    return Buffer.from(`${text}\r\n`);
  }
}

/** An event that may be published, as CloudEvents 1.0 in binary mode. */
export function toHeaders({ id, type, key, headers }: Message): MsgHdrs {
  const written = new Written();
  const service = serviceOf(type);
  written.put('ce-source', headers['ce-source'] ?? `/weft/${service}`);
  written.put('ce-time', headers['ce-time'] ?? new Date().toISOString());
  for (const name in headers) {
    written.put(name, headers[name] ?? '');
  }
  written.put('ce-specversion', '1.0');
  written.put('ce-id', id);
  written.put('ce-type', type);
  written.put('ce-subject', key);
  written.put('ce-datacontenttype', CONTENT_TYPE);
  written.put('Nats-Msg-Id', id);
  written.put('Nats-Expected-Stream', streamOf(service));
  return written;
}

/** Headers by their names in lower case, as they came. Those that speak to the broker are left out. */
export function plainHeaders(headers: MsgHdrs | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, values] of headers ?? []) {
    const lower = name.toLowerCase();
    if (!lower.startsWith('nats-')) found[lower] = values[0] ?? '';
  }
  return found;
}

/** What can be told of a message whatever its headers are. */
export function roughly(subject: string, raw: Readonly<Record<string, string>>, payload: Uint8Array): Message {
  const { type, keyToken } = parseSubject(subject);
  const headers = Object.fromEntries(
    Object.entries(raw)
      .filter(([name]) => !CONTENT_TYPES.includes(name))
      .map(([name, value]) => [OWN_NAMES[name] ?? name, leniently(value)]),
  );
  const key = headers['ce-subject'] ?? keyToken;
  return { id: headers['ce-id'] ?? '', type, subject: `${type}.${key}`, key, headers, payload: toBuffer(payload) };
}

/** @throws Unreadable when it is not an event as `toHeaders` describes it, saying what is wrong. */
export function toMessage(subject: string, raw: Readonly<Record<string, string>>, payload: Uint8Array): Message {
  const wrong = (what: string, cause?: unknown) => new Unreadable(`envelope: ${what}`, { cause });
  for (const [name, value] of Object.entries(raw)) {
    try {
      decodeValue(value);
    } catch (error) {
      throw wrong(`${name.slice(0, 100)} is not percent-encoded`, error);
    }
  }
  const message = roughly(subject, raw, payload);
  const { headers } = message;
  if (headers['ce-specversion'] !== '1.0') throw wrong('ce-specversion is not 1.0');
  if (!UUID.test(message.id)) throw wrong('ce-id is not a UUID');
  if (headers['ce-type'] !== message.type) throw wrong('ce-type is not what the subject says');
  if (!headers['ce-source']) throw wrong('ce-source is missing');
  if (token(headers['ce-subject'] ?? '') !== parseSubject(subject).keyToken)
    throw wrong('ce-subject is not what the subject says');
  for (const name of CONTENT_TYPES)
    if (raw[name] !== undefined && raw[name] !== CONTENT_TYPE) throw wrong(`${name} is not ${CONTENT_TYPE}`);
  return message;
}

function leniently(value: string): string {
  try {
    return decodeValue(value);
  } catch {
    return value;
  }
}

const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
