import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import type { Logger } from 'pino';
import { Alarm, pause } from './backoff.ts';
import { send } from './pool.ts';
import type { Session } from './session.ts';

export const OUTBOX_CHANNEL = 'outbox';
/** NOTIFY takes at most 8,000 bytes. */
const MAX_PAYLOAD = 7_000;
const EVERYTHING = '*';
const GATHER_MS = 10;
const LEISURE_MS = 100;

/** Aggregates whose changes were committed, or all of them when it is not known which. */
export type Changes = readonly string[] | 'all';
type Listener = (changes: Changes) => void;

// A NOTIFY inside of a business transaction would make all commits of the server wait for each other.
const NOTIFY = `SELECT pg_notify('${OUTBOX_CHANNEL}', $1), set_config('synchronous_commit', 'off', true)`;

/**
 * Tells what has been committed: listeners of this process at once, and all other processes on the database by one
 * notification for many commits. These wait for it only where one of them has to take the events to the bus.
 */
export class ChangeFeed {
  /** Whether the relay of this process takes the events of a key to the bus. */
  relaysHere: (key: string) => boolean = () => false;
  readonly #pool: pg.Pool;
  readonly #session: () => Session;
  readonly #logger: Logger;
  readonly #listeners = new Set<Listener>();
  /** Says which notifications are our own. */
  readonly #sender = randomBytes(6).toString('base64url');
  readonly #keys = new Set<string>();
  readonly #alarm = new Alarm();
  #bytes = 0;
  #overflow = false;
  #urgent = false;
  #sending: Promise<void> | undefined;

  constructor(pool: pg.Pool, session: () => Session, logger: Logger) {
    this.#pool = pool;
    this.#session = session;
    this.#logger = logger;
  }

  subscribe(listener: Listener): () => void {
    const session = this.#session();
    this.#listeners.add(listener);
    const silence = session.onNotify(OUTBOX_CHANNEL, (payload) => {
      const { sender, changes } = readNotification(payload);
      if (sender !== this.#sender) listener(changes);
    });
    const stop = session.onUp(() => listener('all'));
    return () => {
      this.#listeners.delete(listener);
      silence();
      stop();
    };
  }

  /** The changes of these aggregates are committed. */
  announce(keys: readonly string[]): void {
    for (const listener of this.#listeners) {
      try {
        listener(keys);
      } catch (error) {
        this.#logger.error({ err: error }, 'listener failed');
      }
    }
    for (const key of keys) this.#add(key);
    if (keys.some((key) => !this.relaysHere(key))) this.#hurry();
    this.#sending ??= this.#send();
  }

  async flushed(): Promise<void> {
    this.#hurry();
    await this.#sending;
  }

  #add(key: string): void {
    if (this.#overflow || this.#keys.has(key)) return;
    const bytes = Buffer.byteLength(key) + 1;
    if (key.includes(',') || key === EVERYTHING || this.#bytes + bytes > MAX_PAYLOAD) this.#overflow = true;
    else this.#keys.add(key);
    this.#bytes += bytes;
  }

  #hurry(): void {
    this.#urgent = true;
    this.#alarm.wake();
  }

  async #send(): Promise<void> {
    while (this.#overflow || this.#keys.size > 0) {
      if (!this.#urgent) await this.#alarm.sleep(LEISURE_MS);
      const payload = `${this.#sender},${this.#overflow ? EVERYTHING : [...this.#keys].join(',')}`;
      this.#keys.clear();
      this.#bytes = 0;
      this.#overflow = false;
      this.#urgent = false;
      try {
        const client = await this.#pool.connect();
        let failed = true;
        try {
          await send(client, NOTIFY, [payload]);
          failed = false;
        } finally {
          client.release(failed);
        }
      } catch (error) {
        // The relays look for themselves twice a second.
        this.#logger.debug({ err: error }, 'notification not sent');
      }
      await pause(GATHER_MS);
    }
    this.#sending = undefined;
  }
}

function readNotification(payload: string): { sender: string; changes: Changes } {
  const [sender = '', ...keys] = payload.split(',');
  return { sender, changes: keys[0] === EVERYTHING ? 'all' : keys };
}
