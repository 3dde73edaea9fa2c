import type pg from 'pg';
import { DomainError } from '../../failure/index.ts';
import { DatabaseUnavailable, translate } from '../../store/errors.ts';
import { bucketOf, lockClass } from '../../store/hash.ts';
import { assertPublishable, toColumns } from '../../store/outbox.ts';
import { send } from '../../store/pool.ts';
import type { Message } from '../bus.ts';
import type { Wake } from './wakes.ts';

interface Waiting {
  readonly messages: readonly Message[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const MAX_BATCH = 1_024;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const MAX_WAITING = 20_000;

// Publishers take turns, so that numbers become visible in their order: a reader that has seen one has seen all below it.
const PUBLISH = `
  WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock($8::int, 0))
  INSERT INTO bus.message (bucket, id, type, subject, key, headers, payload)
  SELECT m.bucket, m.id, m.type, m.subject, m.key, m.headers::jsonb, m.payload
  FROM turn CROSS JOIN unnest($1::int[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[])
    WITH ORDINALITY m(bucket, id, type, subject, key, headers, payload, place)
  ORDER BY place
  ON CONFLICT (id) DO NOTHING`;

/** Writes one batch at a time; what arrives meanwhile becomes the next one, so that one commit serves many callers. */
export class Publisher {
  readonly #pool: pg.Pool;
  readonly #published: (wakes: readonly Wake[]) => void;
  readonly #lock = lockClass('bus publish');
  #waiting: Waiting[] = [];
  #count = 0;
  #running: Promise<void> | undefined;

  /** @param published is told what is on the bus now */
  constructor(pool: pg.Pool, published: (wakes: readonly Wake[]) => void) {
    this.#pool = pool;
    this.#published = published;
  }

  async publish(messages: readonly Message[]): Promise<void> {
    for (const message of messages) assertPublishable(message);
    if (messages.length === 0) return;
    if (this.#count + messages.length > MAX_WAITING) {
      throw new DomainError('resource-exhausted', 'BUS_BUSY', 'too many messages wait to be published');
    }
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ messages, resolve, reject });
      this.#count += messages.length;
      this.#running ??= this.#run();
    });
  }

  async flushed(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        await this.#write(batch.flatMap(({ messages }) => messages));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        if (batch.length === 1 || error instanceof DatabaseUnavailable) for (const { reject } of batch) reject(error);
        // One caller's message must not fail those of the others.
        else for (const { messages, resolve, reject } of batch) await this.#write(messages).then(resolve, reject);
      }
    }
    this.#running = undefined;
  }

  #take(): Waiting[] {
    let count = 0;
    let bytes = 0;
    let taken = 0;
    for (const { messages } of this.#waiting) {
      count += messages.length;
      for (const { payload } of messages) bytes += payload.length;
      if (taken > 0 && (count > MAX_BATCH || bytes > MAX_BATCH_BYTES)) break;
      taken++;
    }
    const batch = this.#waiting.splice(0, taken);
    for (const { messages } of batch) this.#count -= messages.length;
    return batch;
  }

  async #write(messages: readonly Message[]): Promise<void> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw new DatabaseUnavailable(error);
    }
    let failed = true;
    try {
      await send(client, PUBLISH, [...toColumns(messages), this.#lock]);
      failed = false;
    } catch (error) {
      throw translate(error);
    } finally {
      client.release(failed);
    }
    this.#published(messages.map(({ key, type }) => ({ bucket: bucketOf(key), type })));
  }
}
