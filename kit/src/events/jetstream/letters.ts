import type { StoredMsg } from '@nats-io/jetstream';
import { headers as createHeaders, type MsgHdrs } from '@nats-io/transport-node';
import { DomainError } from '../../failure/index.ts';
import type { DeadLetter } from '../bus.ts';
import { describe } from '../failure-text.ts';
import { decodeValue, encodeValue, plainHeaders, roughly } from './envelope.ts';
import { isNotFound, Overtaken } from './errors.ts';
import type { Link } from './link.ts';
import { LETTERS, letterId, letterSubject, lettersOf, subjectOfLetter } from './subjects.ts';

type State = DeadLetter['state'];

/** A message as it was when it was given up, and what has become of it. */
export interface Letter {
  readonly consumer: string;
  readonly service: string;
  readonly seq: number;
  readonly subject: string;
  /** As they came. */
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
  readonly publishedAt: Date;
  readonly deliveries: number;
  readonly error: string;
  readonly stack: string;
  readonly failedAt: Date;
  readonly state: State;
}

const PREFIX = 'weft-';
export const PAGE = 250;
const MAX_PAGES = 400;
const MAX_LISTED = 1_000;
const TRIES = 5;

/** The dead letters of all consumers: the last message of a subject says all that is known of one. */
export class Letters {
  readonly #link: Link;
  readonly #retentionMs: number;

  constructor(link: Link, retentionMs: number) {
    this.#link = link;
    this.#retentionMs = retentionMs;
  }

  /**
   * Writes a letter, or it anew: the same message of the same consumer is one letter, however often it is given up.
   * @param over the place of what is known of it so far; anything where absent @throws Overtaken
   */
  async write(letter: Letter, over?: number): Promise<void> {
    const headers = toHeaders(letter);
    if (over !== undefined) headers.set('Nats-Expected-Last-Subject-Sequence', String(over));
    const ended = letter.state === 'redriven' || letter.state === 'discarded';
    if (ended) headers.set('Nats-TTL', `${Math.max(1, Math.ceil(this.#retentionMs / 1000))}s`);
    await this.#link.store(
      LETTERS,
      letterSubject(letter.consumer, letter.service, letter.seq),
      letter.payload,
      headers,
    );
  }

  async list(consumer: string | undefined): Promise<DeadLetter[]> {
    const found: DeadLetter[] = [];
    let next = 1;
    for (let page = 0; page < MAX_PAGES && found.length < MAX_LISTED; page++) {
      const messages = await this.page(next, lettersOf(consumer));
      for (const message of messages) {
        const letter = toLetter(message.header, message.data);
        if (isOpen(letter)) found.push(toDeadLetter(letter));
      }
      if (messages.length < PAGE) break;
      next = (messages.at(-1)?.seq ?? 0) + 1;
    }
    return found.sort((a, b) => a.failedAt.getTime() - b.failedAt.getTime()).slice(0, MAX_LISTED);
  }

  async find(id: string): Promise<DeadLetter | undefined> {
    const subject = subjectOfLetter(id);
    const message = subject && (await this.#last(subject));
    const letter = message ? toLetter(message.header, message.data) : undefined;
    return letter && isOpen(letter) ? toDeadLetter(letter) : undefined;
  }

  /** @throws DomainError not-found when no letter of that id is in a state to be moved from. */
  async move(id: string, state: 'redrive' | 'discarded'): Promise<void> {
    const subject = subjectOfLetter(id);
    for (let attempt = 1; ; attempt++) {
      const message = subject ? await this.#last(subject) : undefined;
      const letter = message && toLetter(message.header, message.data);
      if (!message || !letter || !isOpen(letter)) {
        throw new DomainError('not-found', 'DEAD_LETTER_NOT_FOUND', 'there is no such dead letter');
      }
      try {
        return await this.write({ ...letter, state }, message.seq);
      } catch (error) {
        if (!(error instanceof Overtaken) || attempt === TRIES) throw error;
      }
    }
  }

  async #last(subject: string): Promise<StoredMsg | undefined> {
    const { manager } = this.#link.line;
    return (await manager.streams.getMessage(LETTERS, { last_by_subj: subject })) ?? undefined;
  }

  /** What is known of letters from a place of the stream on, at most PAGE of them. */
  async page(seq: number, subject: string): Promise<StoredMsg[]> {
    const batch = await this.#link.line.manager.direct.getBatch(LETTERS, { seq, batch: PAGE, next_by_subj: subject });
    const messages: StoredMsg[] = [];
    try {
      for await (const message of batch) messages.push(message);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return messages;
  }
}

/** Nobody has dealt with it. */
export const isOpen = ({ state }: Letter): boolean => state === 'dead' || state === 'redrive';

export function failed(letter: Letter, deliveries: number, error: unknown): Letter {
  const { message, stack } = describe(error);
  return { ...letter, deliveries, error: message, stack, failedAt: new Date(), state: 'dead' };
}

function toHeaders({ payload: _, headers, ...letter }: Letter): MsgHdrs {
  const written = createHeaders();
  for (const [name, value] of Object.entries(headers)) if (!name.startsWith(PREFIX)) written.set(name, value);
  for (const [name, value] of Object.entries(letter)) {
    const text = value instanceof Date ? value.toISOString() : String(value);
    written.set(`${PREFIX}${name.toLowerCase()}`, encodeValue(text));
  }
  return written;
}

export function toLetter(headers: MsgHdrs | undefined, payload: Uint8Array): Letter {
  const all = plainHeaders(headers);
  const own = (name: string) => decodeValue(all[`${PREFIX}${name}`] ?? '');
  return {
    consumer: own('consumer'),
    service: own('service'),
    seq: Number(own('seq')),
    subject: own('subject'),
    headers: Object.fromEntries(Object.entries(all).filter(([name]) => !name.startsWith(PREFIX))),
    payload,
    publishedAt: new Date(own('publishedat')),
    deliveries: Number(own('deliveries')),
    error: own('error'),
    stack: own('stack'),
    failedAt: new Date(own('failedat')),
    state: own('state') as State,
  };
}

function toDeadLetter({ consumer, service, seq, subject, headers, payload, ...letter }: Letter): DeadLetter {
  const { deliveries, error, stack, publishedAt, failedAt, state } = letter;
  return {
    ...roughly(subject, headers, payload),
    letter: letterId(consumer, service, seq),
    consumer,
    position: BigInt(seq),
    deliveries,
    error,
    stack,
    publishedAt,
    failedAt,
    state,
  };
}
