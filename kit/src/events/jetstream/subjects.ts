import { createHash } from 'node:crypto';
import { BUCKETS } from '../../store/hash.ts';
import { EVENT_TYPE } from '../../store/outbox.ts';

/** Streams that are none of a service's. */
export const LETTERS = 'weft_dead_letters';
export const ATTEMPTS = 'weft_attempts';
/** Of no stream: whoever is not there does not hear of it. */
export const NOTICES = 'weft_notices';
/** The KV bucket that has every version of an event, and what each service was built with. */
export const SCHEMAS = 'weft_schemas';
/** The KV bucket that has a key an instance of a service, `<service>.<instance>`, with its address. */
export const REGISTRY = 'weft_registry';

/** All events of all services. */
export const EVENTS = 'weft.>';

const MAX_TOKEN = 200;
const HASHED = '=sha256-';

/** @throws Error when it is not `weft.<service>.v<n>.<event>`, by which events are told apart on the broker. */
export function serviceOf(type: string): string {
  const service = EVENT_TYPE.exec(type)?.[1];
  if (service === undefined) throw new Error(`event ${type}: its type is not weft.<service>.v<n>.<event>`);
  return service;
}

export const streamOf = (service: string): string => `weft_${service}`;

/** What may stand between two dots of a subject and in a name, one for each text. Ids stay as they are. */
export function token(text: string): string {
  const safe = text.replaceAll(/[^A-Za-z\d_-]/gu, (character) =>
    character === '.' ? '~' : Buffer.from(character).reduce((all, byte) => `${all}=${hex(byte)}`, ''),
  );
  return safe.length <= MAX_TOKEN ? safe : `${HASHED}${createHash('sha256').update(text).digest('hex')}`;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0').toUpperCase();

/** Where an event is published. The stream puts the bucket in front of the key. */
export const subjectOf = (type: string, key: string): string => `${type}.${token(key)}`;

/** How a service's stream turns the subject of an event into one that has the bucket of its key. */
export function bucketTransform(service: string): { src: string; dest: string } {
  const dest = `weft.${service}.{{wildcard(1)}}.{{wildcard(2)}}.{{partition(${BUCKETS},3)}}.{{wildcard(3)}}`;
  return { src: `weft.${service}.*.*.*`, dest };
}

export const bucketFilter = (type: string, bucket: number): string => `${type}.${bucket}.*`;

/** All events of a service whose keys are in that bucket. */
export const bucketOfAllFilter = (service: string, bucket: number): string => `weft.${service}.*.*.${bucket}.*`;

/** Name of the durable consumer for one bucket of a stream. */
export const durableOf = (consumer: string, bucket: number): string => `${token(consumer)}-${bucket}`;

/** Of a subject as it is in a stream. */
export function parseSubject(subject: string): { type: string; keyToken: string } {
  const tokens = subject.split('.');
  return { type: tokens.slice(0, 4).join('.'), keyToken: tokens[5] ?? '' };
}

const LETTER = /^([a-z\d]+)-(\d{1,15})-(.{1,512})$/;

export const letterId = (consumer: string, service: string, seq: number): string => `${service}-${seq}-${consumer}`;

export const letterSubject = (consumer: string, service: string, seq: number | string): string =>
  `${LETTERS}.${token(consumer)}.${service}.${seq}`;

/** Subject of the letter of that id; undefined where no letter can have it. */
export function subjectOfLetter(letter: string): string | undefined {
  const [, service, seq, consumer] = LETTER.exec(letter) ?? [];
  return service && seq && consumer ? letterSubject(consumer, service, seq) : undefined;
}

/** Who changes what is said of a durable consumer says so there. */
export const changesOf = (consumer: string, stream: string, durable: string): string =>
  `${ATTEMPTS}.${token(consumer)}.changes.${stream}.${durable}`;

export const lettersOf = (consumer: string | undefined): string =>
  consumer === undefined ? `${LETTERS}.>` : `${LETTERS}.${token(consumer)}.>`;
