import { type Msg, type MsgHdrs, nanos, type Subscription } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { Alarm, backoff, pause } from '../../store/backoff.ts';
import { within } from '../../time/index.ts';
import type { Durable } from './durables.ts';
import type { Line, Link } from './link.ts';

/** A message in hand. */
export interface Taken {
  readonly subject: string;
  readonly headers: MsgHdrs | undefined;
  readonly payload: Uint8Array;
  readonly seq: number;
  /** The broker counts what it has given of the durable consumer, to whomever and however often; 0 where it was only looked at. */
  readonly given: number;
  /** Messages of the durable consumer that are behind it. */
  readonly pending: number;
  readonly redelivered: boolean;
  readonly publishedAt: Date;
}

/** The place up to which everything is done with; or the message is given to whoever asks next. */
export type Outcome = number | 'released';

export interface PullerOptions {
  readonly link: Link;
  readonly durable: Durable;
  readonly ackWaitMs: number;
  readonly logger: Logger;
  readonly take: (message: Taken) => Promise<Outcome>;
  /** Has the broker go on behind a later place than that of the message in hand; false where every message is to be acknowledged. */
  readonly skip: ((inHand: Taken, through: number) => Promise<boolean>) | undefined;
  /** There is a new connection; this message was in hand all the time. */
  readonly stillHere: (message: Taken) => void;
  /** The durable consumer is not there any more. */
  readonly gone: () => void;
}

const BATCH = 512;
const EXPIRES_MS = 5_000;
const LATE_MS = 1_000;
const ACK_MS = 2_000;
const ACK_TRIES = 10;

const EXPIRED = 408;
const NOBODY_THERE = 503;

interface InHand {
  readonly message: Taken;
  /** Where the broker waits for word of it: another one with each time it is sent. */
  reply: string;
}

/** Takes the messages of a durable consumer one at a time, and keeps the broker patient while one is in hand. */
export class Puller {
  readonly #on: PullerOptions;
  readonly #alarm = new Alarm();
  readonly #queue: Msg[] = [];
  #line: Line | undefined;
  #subscription: Subscription | undefined;
  #left = 0;
  #watch: NodeJS.Timeout | undefined;
  #inHand: InHand | undefined;
  /** Ends the wait for what becomes of an acknowledgement: another message has come, or none will come here. */
  #moved: (confirmed: boolean) => void = () => undefined;
  #closing = false;
  #running: Promise<void> | undefined;

  constructor(on: PullerOptions) {
    this.#on = on;
  }

  /** A new connection, on which the durable consumer is known to be there. */
  open(line: Line): void {
    if (this.#closing) return;
    this.#subscription?.unsubscribe();
    this.#line = line;
    this.#queue.length = 0;
    this.#subscription = line.connection.subscribe(line.inbox(), { callback: (_, message) => this.#came(message) });
    if (this.#inHand) {
      this.#say(this.#inHand.reply, '+WPI');
      this.#on.stillHere(this.#inHand.message);
    }
    this.#alarm.wake();
    this.#pull();
  }

  lost(): void {
    clearTimeout(this.#watch);
    this.#line = undefined;
    this.#subscription = undefined;
    this.#queue.length = 0;
    this.#moved(false);
  }

  /** Resolves after the message in hand. What was on its way is given to others. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#watch);
    this.#alarm.wake();
    this.#moved(false);
    // Everything that was sent before the broker hears of the end has come when this resolves.
    if (this.#subscription) await within(ACK_MS, this.#subscription.drain(), () => undefined).catch(() => undefined);
    await this.#running;
  }

  #pull(): void {
    if (!this.#line || !this.#subscription || this.#closing) return;
    const { stream, name } = this.#on.durable;
    this.#left = BATCH;
    const request = JSON.stringify({ batch: BATCH, expires: nanos(EXPIRES_MS) });
    const reply = this.#subscription.getSubject();
    this.#line.connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, request, { reply });
    this.#pullAgainAfter(EXPIRES_MS + LATE_MS);
  }

  #pullAgainAfter(ms: number): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#pull(), ms);
  }

  #came(message: Msg): void {
    if (!message.reply) return this.#told(message.headers?.code ?? 0, message.headers?.description ?? '');
    if (this.#inHand && seqOf(message.reply) === this.#inHand.message.seq) {
      this.#inHand.reply = message.reply;
      this.#say(message.reply, '+WPI');
    } else {
      this.#queue.push(message);
      this.#moved(true);
      this.#running ??= this.#run();
    }
    if (--this.#left <= 0) this.#pull();
  }

  /** The request has expired, or there is something wrong with it. */
  #told(code: number, description: string): void {
    if (code === EXPIRED) return this.#pull();
    if (this.#closing) return;
    this.#pullAgainAfter(backoff(1, LATE_MS, LATE_MS));
    if (code === NOBODY_THERE || /deleted/i.test(description)) this.#on.gone();
  }

  async #run(): Promise<void> {
    for (let message = this.#queue.shift(); message; message = this.#queue.shift()) await this.#handle(message);
    this.#running = undefined;
  }

  async #handle(message: Msg): Promise<void> {
    const inHand = { message: toTaken(message), reply: message.reply ?? '' };
    this.#inHand = inHand;
    const patience = setInterval(() => this.#say(inHand.reply, '+WPI'), this.#on.ackWaitMs / 3);
    let outcome: Outcome = 'released';
    try {
      outcome = await this.#on.take(inHand.message);
      if (outcome !== 'released' && !(await this.#skip(inHand, outcome))) await this.#acknowledge(inHand);
    } catch (error) {
      this.#on.logger.error({ err: error, durable: this.#on.durable.name }, 'message given back');
      await pause(LATE_MS);
    } finally {
      clearInterval(patience);
      this.#inHand = undefined;
    }
    if (outcome === 'released') this.#say(inHand.reply, '-NAK');
  }

  async #skip({ message }: InHand, through: number): Promise<boolean> {
    return through > message.seq && (await this.#on.skip?.(message, through)) === true;
  }

  /** Tries until the broker has confirmed it, or shows by sending another message that it does not wait for this one. */
  async #acknowledge(inHand: InHand): Promise<void> {
    for (let attempt = 1; attempt <= ACK_TRIES && this.#queue.length === 0; attempt++) {
      const more = attempt === 1 && !this.#closing && inHand.message.pending > 0;
      const confirmed = await (more ? this.#acknowledgeBeforeNext(inHand) : this.#acknowledgeLast(inHand));
      if (confirmed || (this.#closing && !this.#line)) return;
      this.#on.logger.debug({ durable: this.#on.durable.name, attempt }, 'not acknowledged; trying again');
      await this.#alarm.sleep(backoff(attempt, 100, 5_000));
    }
  }

  /** Another message waits, and comes when the broker has heard of this one: it need not say so. */
  #acknowledgeBeforeNext({ reply }: InHand): Promise<boolean> {
    return new Promise((resolve) => {
      const late = setTimeout(() => resolve(false), ACK_MS);
      const moved = (confirmed: boolean) => {
        clearTimeout(late);
        resolve(confirmed);
      };
      this.#moved = moved;
      this.#say(reply, '+ACK');
    });
  }

  #acknowledgeLast({ reply }: InHand): Promise<boolean> {
    return new Promise((resolve) => {
      const moved = (confirmed: boolean) => {
        if (confirmed) resolve(true);
      };
      this.#moved = moved;
      this.#on.link.request(reply, '+ACK', ACK_MS).then(
        () => resolve(true),
        () => resolve(false),
      );
    });
  }

  #say(reply: string, what: '+ACK' | '+WPI' | '-NAK'): void {
    try {
      this.#line?.connection.publish(reply, what);
    } catch (error) {
      this.#on.logger.debug({ err: error, durable: this.#on.durable.name }, 'the broker was not told');
    }
  }
}

// $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<seq>.<delivery>.<time>.<pending>[.<random>]
function placeIn(reply: string): readonly string[] {
  const tokens = reply.split('.');
  return tokens.slice(tokens.length === 9 ? 4 : 6);
}

const seqOf = (reply: string): number => Number(placeIn(reply)[1]);

function toTaken({ subject, headers, data, reply = '' }: Msg): Taken {
  const [deliveries, seq, given, time = '0', pending = '0'] = placeIn(reply);
  return {
    subject,
    headers,
    payload: data,
    seq: Number(seq),
    given: Number(given),
    pending: Number(pending),
    redelivered: Number(deliveries) > 1,
    publishedAt: new Date(Number(BigInt(time) / 1_000_000n)),
  };
}
