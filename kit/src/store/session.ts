import pg from 'pg';
import type { Logger } from 'pino';
import { within } from '../time/index.ts';
import { Alarm, backoff } from './backoff.ts';
import { DatabaseUnavailable, translate } from './errors.ts';
import { send } from './pool.ts';

export interface SessionOptions {
  readonly config: pg.ClientConfig;
  readonly channels: readonly string[];
  readonly logger: Logger;
}

type Listener<A extends unknown[] = []> = (...args: A) => void;

// Only bookkeeping runs here, all of it by key and all of it safe to lose and do again: commits need not wait for the
// disk, and old statistics must not talk the planner into a scan. The server ends a session whose process is stuck or
// unreachable, as its locks keep others waiting; a healthy one says something twice a second.
const SETTINGS = `
  SET synchronous_commit = off; SET jit = off; SET plan_cache_mode = force_generic_plan;
  SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
  SET idle_session_timeout = '30s';
  SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;`;

/**
 * One connection of its own that listens, holds advisory locks and does the bookkeeping that they protect: what is
 * written here is written by the holder of the locks, or not at all. Comes back by itself when it is lost; `epoch` tells
 * one connection from the next.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #up = new Set<Listener>();
  readonly #down = new Set<Listener>();
  readonly #notified = new Map<string, Set<Listener<[payload: string]>>>();
  readonly #alarm = new Alarm();
  #client: pg.Client | undefined;
  #stopped = false;
  #running: Promise<void> | undefined;
  epoch = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#client !== undefined;
  }

  /** Connects, and goes on trying in the background. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Calls the listener for every new connection, at once if there is one. */
  onUp(listener: Listener): () => void {
    this.#up.add(listener);
    if (this.connected) this.#call(listener);
    return () => this.#up.delete(listener);
  }

  onDown(listener: Listener): void {
    this.#down.add(listener);
  }

  onNotify(channel: string, listener: Listener<[payload: string]>): () => void {
    const listeners = this.#notified.get(channel) ?? new Set();
    this.#notified.set(channel, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Statements run in the order of the calls, without waiting for each other's answers. */
  async query<R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    if (!this.#client) throw new DatabaseUnavailable(new Error('the session is not connected'));
    try {
      return (await send<R>(this.#client, text, values)).rows;
    } catch (error) {
      throw translate(error);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#alarm.wake();
    const client = this.#client;
    if (client) await within(2_000, client.end(), () => void client.connection.stream.destroy());
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let attempt = 1; !this.#stopped; attempt++) {
      try {
        const client = await this.#connect();
        attempt = 0;
        await this.#serve(client);
      } catch (error) {
        if (!this.#stopped && attempt === 1)
          this.#options.logger.warn({ err: error }, 'database session not available');
      }
      if (!this.#stopped) await this.#alarm.sleep(backoff(attempt + 1, 100, 5_000));
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#options.config);
    client.on('error', () => undefined);
    client.on('notification', ({ channel, payload }) => {
      for (const listener of this.#notified.get(channel) ?? []) this.#call(() => listener(payload ?? ''));
    });
    await client.connect();
    try {
      const listen = this.#options.channels.map((channel) => `LISTEN ${client.escapeIdentifier(channel)};`);
      await client.query(SETTINGS + listen.join(' '));
      return client;
    } catch (error) {
      client.connection.stream.destroy();
      throw error;
    }
  }

  async #serve(client: pg.Client): Promise<void> {
    await new Promise<void>((resolve) => {
      // Whoever acts on its locks has to hear of the loss before anything else happens: no await in between.
      const lost = () => {
        if (this.#client === client) {
          this.#client = undefined;
          this.epoch++;
          for (const listener of this.#down) this.#call(listener);
          if (!this.#stopped) this.#options.logger.warn('database session lost');
          client.connection.stream.destroy();
        }
        resolve();
      };
      client.on('error', lost);
      client.on('end', lost);
      if (this.#stopped) return lost();
      this.#client = client;
      this.epoch++;
      for (const listener of this.#up) this.#call(listener);
    });
  }

  #call(listener: Listener): void {
    try {
      listener();
    } catch (error) {
      this.#options.logger.error({ err: error }, 'listener failed');
    }
  }
}
