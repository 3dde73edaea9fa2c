import type pg from 'pg';
import type { Logger } from 'pino';
import { pause } from './backoff.ts';
import { send } from './pool.ts';

export const OUTBOX_CHANNEL = 'outbox';
/** NOTIFY takes at most 8,000 bytes. */
const MAX_PAYLOAD = 7_000;
const EVERYTHING = '*';
const GATHER_MS = 10;

/** Aggregates whose changes were committed, or all of them when it is not known which. */
export type Changes = readonly string[] | 'all';

// A NOTIFY inside of a business transaction would make all commits of the server wait for each other.
const NOTIFY = `SELECT pg_notify('${OUTBOX_CHANNEL}', $1), set_config('synchronous_commit', 'off', true)`;

/** Tells all processes on the database what has been committed, one notification at a time however much there is. */
export class Notifier {
  readonly #pool: pg.Pool;
  readonly #logger: Logger;
  readonly #keys = new Set<string>();
  #bytes = 0;
  #overflow = false;
  #sending: Promise<void> | undefined;

  constructor(pool: pg.Pool, logger: Logger) {
    this.#pool = pool;
    this.#logger = logger;
  }

  add(keys: readonly string[]): void {
    for (const key of keys) {
      if (this.#overflow || this.#keys.has(key)) continue;
      const bytes = Buffer.byteLength(key) + 1;
      if (key.includes(',') || key === EVERYTHING || this.#bytes + bytes > MAX_PAYLOAD) this.#overflow = true;
      else this.#keys.add(key);
      this.#bytes += bytes;
    }
    this.#sending ??= this.#send();
  }

  async flushed(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    while (this.#overflow || this.#keys.size > 0) {
      const payload = this.#overflow ? EVERYTHING : [...this.#keys].join(',');
      this.#keys.clear();
      this.#bytes = 0;
      this.#overflow = false;
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
      // Under load one notification tells of many commits; a lone one has gone out already.
      await pause(GATHER_MS);
    }
    this.#sending = undefined;
  }
}

export function readChanges(payload: string): Changes {
  return payload === EVERYTHING ? 'all' : payload.split(',');
}
