import type { OutgoingEvent } from '../store/index.ts';

/** An event as it travels: what the outbox holds is what the bus carries. */
export type Message = OutgoingEvent;

export interface Published extends Message {
  /** Place in its stream; later messages have higher ones. */
  readonly position: bigint;
  readonly publishedAt: Date;
}

export interface Tailed extends Published {
  /** What its position is a place in: the whole bus, or what one service has published. */
  readonly stream: string;
}

export interface Delivery extends Published {
  /** How often this consumer has been given the message, this time included. */
  readonly deliveries: number;
}

export interface ConsumerOptions {
  /** Stable: under this name the bus remembers what has been handled. Instances of one name share the work. */
  readonly name: string;
  readonly types: readonly string[];
  /**
   * Resolves when the effect is durable: only then does the bus move on. It may be called again for the same message at any
   * time, and then has to do nothing. What it throws is a failed delivery; see Unreadable and Postponed.
   */
  readonly handle: (delivery: Delivery) => Promise<void>;
  /** After so many failed deliveries the message becomes a dead letter. Default 8. */
  readonly maxDeliveries?: number;
  /** Milliseconds to wait after that many failed deliveries. Default: from 200 ms, tripling, up to 30 s, with jitter. */
  readonly backoffMs?: (deliveries: number) => number;
  /** A delivery without an outcome after so long has failed. Default 60,000. */
  readonly handleTimeoutMs?: number;
  /**
   * A message of a type that only another version of the consumer has is left to an instance of that version, and what is behind it waits. After so
   * long the version is taken for rolled back: its type is passed over from then on, and handled from the beginning of what is kept when it is back.
   * Default 300,000.
   */
  readonly awaitVersionMs?: number;
  /** Is told when a message has become a dead letter, once each time it is given up. */
  readonly onGivenUp?: (cause: GivenUp) => void;
}

/**
 * Why a message becomes a dead letter: it is no event, its content is none that the handler reads, the handler failed as often as it may, or
 * the process ended each time.
 */
export type GivenUp = 'envelope' | 'unreadable' | 'failed' | 'killed';
export const GIVEN_UP: readonly GivenUp[] = ['envelope', 'unreadable', 'failed', 'killed'];

/**
 * Handles the messages of its types in order of each key, each at least once, from the beginning of what is kept. Instances of one
 * name may have other types, as two versions of a service have: each is given its own. When a type is new to the name, everything from
 * its first message on is given again.
 */
export interface Consumer {
  readonly name: string;
  readonly types: readonly string[];
  /** Messages of its types that it has still to handle, of all its instances. */
  lag(): Promise<number>;
  /** Ends after the message in hand; others take over. */
  stop(): Promise<void>;
}

export interface DeadLetter extends Message {
  readonly letter: string;
  readonly consumer: string;
  readonly position: bigint;
  readonly deliveries: number;
  readonly error: string;
  /** At most 8,000 characters. */
  readonly stack: string;
  /** When the event was. */
  readonly publishedAt: Date;
  readonly failedAt: Date;
  /** `redrive`: waits to be handled again. */
  readonly state: 'dead' | 'redrive' | 'redriven' | 'discarded';
}

export interface TailOptions {
  /** All where absent. */
  readonly types?: readonly string[];
  /** From what was published then on; from now on where absent. */
  readonly from?: Date;
  /** Instead of a time: of each stream what comes after the position, of one that is not named all that is kept. */
  readonly after?: ReadonlyMap<string, bigint>;
  readonly signal: AbortSignal;
}

/** What a type of event looked like to those who were built with it. */
export interface EventSchema {
  readonly type: string;
  /** Full name of the message. */
  readonly message: string;
  /** SHA-256 of `descriptors`, in hexadecimal digits. */
  readonly fingerprint: string;
  /** A google.protobuf.FileDescriptorSet with the message and all that it holds. */
  readonly descriptors: Uint8Array;
}

export interface RegisteredSchema extends EventSchema {
  readonly createdAt: Date;
  /** Services whose last start was with this version. */
  readonly publishers: readonly string[];
  readonly readers: readonly string[];
}

export interface Bus {
  /** Resolves when all of them are durable, in this order. Rejects when none is known to be: publish them again. */
  publish(messages: readonly Message[]): Promise<void>;
  /** Starts a consumer; a process has one of a name. */
  consume(options: ConsumerOptions): Consumer;
  /** Dead letters in the state `dead` or `redrive`, oldest first, at most 1,000; all consumers' without a name. */
  deadLetters(consumer?: string): Promise<DeadLetter[]>;
  /** Of one consumer, however many there are. */
  countDeadLetters(consumer: string): Promise<number>;
  /** One in the state `dead` or `redrive`; undefined where there is none of that id. */
  deadLetter(letter: string): Promise<DeadLetter | undefined>;
  /**
   * Gives a dead letter to its consumer once more: after later events of its key, which have been handled. Events of its key that are in hand are
   * waited for by a driver that does not declare otherwise (`redrivesInTurn` of its suite). @throws DomainError not-found when there is none of that id.
   */
  redrive(letter: string): Promise<void>;
  /** Lets a dead letter rest. @throws DomainError not-found when there is none of that id. */
  discard(letter: string): Promise<void>;
  /**
   * Has a consumer handle again what was published at that time or later and is still kept. What its inbox remembers is passed over by whoever
   * uses one. @throws DomainError not-found when the bus knows no such consumer.
   */
  replay(consumer: string, from: Date): Promise<void>;
  /** What is published, in order, until the signal fires; nobody else is kept from it. */
  tail(options: TailOptions): AsyncIterable<Tailed>;
  /** When the oldest message was published that is still there and may be of one of these types; undefined where there is none. */
  keptSince(types: readonly string[]): Promise<Date | undefined>;
  /** Notes what a service publishes and reads; what it noted before is replaced. Versions are kept. */
  registerSchemas(service: string, publishes: readonly EventSchema[], reads: readonly EventSchema[]): Promise<void>;
  /** All versions, by type, the newest first. */
  schemas(): Promise<RegisteredSchema[]>;
  /**
   * Tells all processes on the bus that listen, this one as well, what is of no use later: it is kept nowhere, and lost where the bus or who
   * should hear of it is away. @param text at most 7,000 bytes @throws RangeError when it has more
   */
  notify(topic: string, text: string): void;
  /** Hears what is told of a topic from now on, by whatever process: its text is not to be trusted. @returns takes it back */
  onNotice(topic: string, listener: (text: string) => void): () => void;
  /** @throws when the bus has not answered within two seconds. */
  check(): Promise<void>;
  /** Stops all consumers, waits for what is being published, and disconnects. */
  close(): Promise<void>;
}

/** Thrown by a handler: no repetition will make sense of this message. It becomes a dead letter at once. */
export class Unreadable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Unreadable';
  }
}

/**
 * Thrown by a handler: what it needs is not there at the moment, which is not the message's fault. It is given again, as
 * long as it takes, and the delivery does not count.
 */
export class Postponed extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'Postponed';
  }
}
