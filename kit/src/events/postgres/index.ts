import { randomInt } from 'node:crypto';
import type pg from 'pg';
import type { Logger } from 'pino';
import { Alarm, backoff, pause } from '../../store/backoff.ts';
import { DatabaseUnavailable } from '../../store/errors.ts';
import { lockClass } from '../../store/hash.ts';
import { Leases } from '../../store/leases.ts';
import { applyMigrations } from '../../store/migrate.ts';
import { connectionConfig, createPool, endPool } from '../../store/pool.ts';
import { Session } from '../../store/session.ts';
import { within } from '../../time/index.ts';
import type { Bus, Tailed, TailOptions } from '../bus.ts';
import { Gate } from '../gate.ts';
import { checkNotice, NoticeListeners } from '../notices.ts';
import { catchUp } from './catch-up.ts';
import { type Connections, PostgresConsumer } from './consumer.ts';
import { countDeadLetters, findDeadLetter, listDeadLetters, moveDeadLetter } from './dead-letters.ts';
import { Publisher } from './publisher.ts';
import { rewindConsumer } from './replay.ts';
import { keptSince, purgeMessages } from './retention.ts';
import { busMigrations, SCHEMA } from './schema.ts';
import { listSchemas, registerSchemas } from './schemas.ts';
import { HEARTBEAT } from './statements.ts';
import { tailMessages } from './tail.ts';
import { Turns } from './turns.ts';
import { EVERYTHING, readWakes, type Wake, writeWakes } from './wakes.ts';

export interface PostgresBusOptions {
  readonly url: string;
  /** Of the process; the server shows it as the application's name. */
  readonly name: string;
  readonly logger: Logger;
  /** Default 4. One more connection has the locks of the consumers. */
  readonly maxConnections?: number;
  readonly now?: () => Date;
}

export interface PostgresBus extends Bus {
  /** Removes what is older than seven days and passed by all consumers; done every ten minutes anyhow. */
  purge(): Promise<number>;
  /** Forgets a consumer that will not come back: its unread messages no longer have to be kept. */
  forget(consumer: string): Promise<void>;
}

const BUS_CHANNEL = 'bus';
const NOTICE_CHANNEL = 'notices';
const DEFAULTS = { maxConnections: 4, statementTimeoutMs: 10_000 };
const BEAT_MS = 500;
const READY_MS = 2_000;
const CLOSE_MS = 5_000;
const SAVE_BEATS = 20;
const PURGE_BEATS = 1_200;

/**
 * Creates or updates the tables of the bus, for whoever sets up databases; `openPostgresBus` does the same when its role
 * may. Any number of processes may do it at once.
 * @param pool of the same database, asked first whether there is anything to do
 */
export async function migratePostgresBus(
  options: Pick<PostgresBusOptions, 'url' | 'name' | 'logger'>,
  pool?: pg.Pool,
): Promise<void> {
  const { logger } = options;
  const config = connectionConfig({ ...DEFAULTS, ...options });
  await applyMigrations({ connectionConfig: config, ...(pool && { pool }), logger, schema: SCHEMA }, busMigrations);
}

/**
 * A durable bus on tables of its own in the schema `bus`, which it creates (a role that may not waits for one that may). One is enough for all modules of a process.
 * Connects in the background and waits for a database that is not there; `check` says what is wrong.
 */
export function openPostgresBus(options: PostgresBusOptions): PostgresBus {
  return new Driver({ ...DEFAULTS, ...options });
}

class Driver implements PostgresBus {
  readonly #logger: Logger;
  readonly #now: () => Date;
  readonly #connections: pg.Pool;
  readonly #on: Connections;
  readonly #publisher: Publisher;
  readonly #consumers = new Map<string, PostgresConsumer>();
  readonly #notices = new NoticeListeners();
  readonly #alarm = new Alarm();
  readonly #abort = new AbortController();
  readonly #ready: Promise<void>;
  readonly #beating: Promise<void>;
  #problem: unknown = new DatabaseUnavailable(new Error('the bus is not ready yet'));
  /** The highest number at the last beat: what came later may still be announced by a notification. */
  #head = 0n;
  /** No other process was on the bus at the last beat. One that came since looks for itself until the next. */
  #alone = false;

  constructor(settings: PostgresBusOptions & { maxConnections: number; statementTimeoutMs: number }) {
    const { logger, now = () => new Date() } = settings;
    const config = connectionConfig(settings);
    const session = new Session({ config, channels: [BUS_CHANNEL, NOTICE_CHANNEL], logger });
    this.#logger = logger;
    this.#now = now;
    this.#connections = createPool(settings);
    const process = { id: randomInt(1, 2 ** 31 - 1), lockClass: lockClass('bus process') };
    session.onUp(() => {
      session
        .query('SELECT pg_advisory_lock_shared($1::int, $2::int)', [process.lockClass, process.id])
        .catch(() => undefined);
    });
    const turns = new Turns(session, process);
    const leases = new Leases(session, logger);
    this.#on = { session, turns, process, gate: new Gate(), logger, pool: () => this.#pool(), leases };
    session.onDown(() => {
      this.#alone = false;
    });
    this.#publisher = new Publisher(this.#connections, (wakes) => this.#published(wakes));
    session.onNotify(BUS_CHANNEL, (payload) => {
      const wakes = readWakes(payload);
      this.#wake(wakes);
      if (wakes === 'all') this.#alarm.wake();
    });
    session.onNotify(NOTICE_CHANNEL, (payload) => {
      const [topic = ''] = payload.split('\n', 1);
      this.#notices.heard(topic, payload.slice(topic.length + 1));
    });
    this.#ready = this.#prepare(settings);
    this.#beating = this.#beat();
  }

  #wake(wakes: readonly Wake[] | 'all'): void {
    for (const consumer of this.#consumers.values()) consumer.published(wakes);
  }

  #published(wakes: readonly Wake[]): void {
    this.#wake(wakes);
    if (this.#alone) return;
    // Consumers look for themselves twice a second: a notification that is lost delays, and no more.
    void this.#notify(BUS_CHANNEL, writeWakes(wakes));
  }

  async #notify(channel: string, payload: string): Promise<void> {
    await this.#on.session.query('SELECT pg_notify($1, $2)', [channel, payload]).catch(() => undefined);
  }

  /** Resolves to the pool when the tables are there. */
  async #pool(): Promise<pg.Pool> {
    await within(READY_MS, this.#ready, () => {
      throw this.#problem;
    });
    return this.#connections;
  }

  async #prepare(settings: PostgresBusOptions): Promise<void> {
    for (let attempt = 1; !this.#abort.signal.aborted; attempt++) {
      try {
        await migratePostgresBus(settings, this.#connections);
        if (!this.#abort.signal.aborted) this.#on.session.start();
        return;
      } catch (error) {
        this.#problem = error;
        this.#logger[attempt === 1 ? 'warn' : 'debug']({ err: error }, 'the bus is not ready; trying again');
        await pause(backoff(attempt, 100, 1_000), this.#abort.signal);
      }
    }
  }

  publish: Bus['publish'] = async (messages) => {
    await this.#pool();
    await this.#publisher.publish(messages);
  };

  consume: Bus['consume'] = (options) => {
    if (this.#abort.signal.aborted) throw new Error('the bus is closed');
    const consumer = new PostgresConsumer(this.#on, options, () => this.#consumers.delete(options.name));
    this.#consumers.set(options.name, consumer);
    return consumer;
  };

  deadLetters: Bus['deadLetters'] = async (consumer) => listDeadLetters(await this.#pool(), consumer);

  countDeadLetters: Bus['countDeadLetters'] = async (consumer) => countDeadLetters(await this.#pool(), consumer);

  deadLetter: Bus['deadLetter'] = async (letter) => findDeadLetter(await this.#pool(), letter);

  redrive: Bus['redrive'] = async (letter) => {
    await moveDeadLetter(await this.#pool(), letter, 'redrive');
    await this.#notify(BUS_CHANNEL, EVERYTHING);
  };

  discard: Bus['discard'] = async (letter) => moveDeadLetter(await this.#pool(), letter, 'discarded');

  replay: Bus['replay'] = async (consumer, from) => {
    await rewindConsumer(await this.#pool(), consumer, from);
    await this.#notify(BUS_CHANNEL, EVERYTHING);
  };

  async *tail(options: TailOptions): AsyncGenerator<Tailed> {
    const signal = AbortSignal.any([options.signal, this.#abort.signal]);
    yield* tailMessages(await this.#pool(), { ...options, signal });
  }

  keptSince: Bus['keptSince'] = async () => keptSince(await this.#pool());

  registerSchemas: Bus['registerSchemas'] = async (service, publishes, reads) =>
    registerSchemas(await this.#pool(), service, publishes, reads);

  schemas: Bus['schemas'] = async () => listSchemas(await this.#pool());

  purge: PostgresBus['purge'] = async () => purgeMessages(await this.#pool(), this.#now());

  forget: PostgresBus['forget'] = async (consumer) => {
    await (await this.#pool()).query('DELETE FROM bus.consumer WHERE name = $1', [consumer]);
  };

  notify: Bus['notify'] = (topic, text) => {
    checkNotice(text);
    if (this.#alone) return this.#notices.heard(topic, text);
    void this.#notify(NOTICE_CHANNEL, `${topic}\n${text}`);
  };

  onNotice: Bus['onNotice'] = (topic, listener) => this.#notices.on(topic, listener);

  check: Bus['check'] = async () => {
    const pool = await this.#pool();
    const answered = pool.query('SELECT 1').catch((error) => {
      throw new DatabaseUnavailable(error);
    });
    await within(2_000, answered, () => {
      throw new DatabaseUnavailable(new Error('no answer within 2 s'));
    });
  };

  close: Bus['close'] = async () => {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    const stopped = Promise.all([...this.#consumers.values()].map((consumer) => consumer.stop()));
    await within<unknown>(CLOSE_MS, stopped, () => undefined);
    await within(CLOSE_MS, this.#publisher.flushed(), () => undefined);
    this.#alarm.wake();
    await Promise.all([this.#ready, this.#beating]);
    await this.#on.leases.stop();
    await this.#on.session.stop();
    await endPool(this.#connections, CLOSE_MS);
  };

  async #beat(): Promise<void> {
    for (let beat = 1; !this.#abort.signal.aborted; beat++) {
      await this.#alarm.sleep(BEAT_MS);
      if (this.#abort.signal.aborted || !this.#on.session.connected) continue;
      try {
        await this.#look();
        if (beat % SAVE_BEATS === 0) for (const consumer of this.#consumers.values()) await consumer.savePositions();
        if (beat % PURGE_BEATS === 0) await this.purge();
      } catch (error) {
        this.#logger.debug({ err: error }, 'bus not looked at');
      }
    }
  }

  async #look(): Promise<void> {
    const [row] = await this.#on.session.query<{ head: bigint; redrives: string[]; processes: bigint }>(HEARTBEAT, [
      this.#on.process.lockClass,
    ]);
    this.#alone = row?.processes === 1n;
    const head = this.#head;
    this.#head = row?.head ?? 0n;
    const lanes = [...this.#consumers.values()].flatMap((consumer) => consumer.lanes());
    await catchUp(this.#on.session, lanes, head);
    for (const name of row?.redrives ?? []) this.#consumers.get(name)?.redrive();
  }
}
