import { CompiledQuery, type Kysely } from 'kysely';
import { type Database, internals, type UnitOfWork } from './database.ts';
import { DatabaseUnavailable, IdempotencyKeyReused, RequestInProgress } from './errors.ts';

export interface IdempotentRequest {
  /** Whose key it is: keys of different subjects never meet. */
  readonly subject: string;
  readonly method: string;
  readonly key: string;
  /** Of the request's bytes: the same key with another hash is refused. */
  readonly requestHash: Uint8Array;
}

export interface IdempotentWork<S, P> {
  /** Reads from elsewhere, before and outside of the transaction. May run for a call that then finds a stored response. */
  readonly prepare?: () => Promise<P>;
  /** The effect; its result is stored and given to everyone who repeats the request. */
  readonly commit: (tx: UnitOfWork<S>, prepared: P) => Promise<Uint8Array>;
}

/** How long a key is kept. */
export const IDEMPOTENCY_MS = 24 * 3_600_000;

const FIND = `
  SELECT request_hash, response FROM idempotency
  WHERE subject = $1 AND method = $2 AND key = $3 AND created_at > $4`;
const STORE = `
  INSERT INTO idempotency AS i (subject, method, key, request_hash, response, created_at) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (subject, method, key) DO UPDATE
    SET request_hash = excluded.request_hash, response = excluded.response, created_at = excluded.created_at
    WHERE i.created_at <= $7`;

/** Another call with the same key was faster. */
class DoneBefore extends Error {}

/**
 * Does the work once a key and answers every repetition, for 24 hours, with the stored response. Of two calls at the same
 * time one takes effect, and the other waits for it and gives its response. A call that fails leaves nothing behind.
 * @throws IdempotencyKeyReused when the key came with another request; RequestInProgress when the first call takes too
 * long; what the work throws.
 */
export async function once<S, P = undefined>(
  db: Database<S>,
  request: IdempotentRequest,
  work: IdempotentWork<S, P>,
): Promise<Uint8Array> {
  const { now } = internals(db);
  const id = [request.subject, request.method, request.key];
  try {
    const prepared = (await work.prepare?.()) as P;
    return await db.transaction(async (tx) => {
      const response = await work.commit(tx, prepared);
      const at = now();
      tx.defer(CompiledQuery.raw(STORE, [...id, request.requestHash, response, at, expiry(at)]), {
        rows: 1,
        otherwise: () => new DoneBefore(),
      });
      return response;
    });
  } catch (error) {
    // What was done before may fail when it is done again, on its own effect or on what has changed since.
    if (error instanceof DatabaseUnavailable) throw error;
    const stored = await find(db.read, id, request.requestHash, expiry(now()));
    if (stored) return stored;
    throw error instanceof DoneBefore ? new RequestInProgress(undefined) : error;
  }
}

async function find<S>(sql: Kysely<S>, id: string[], hash: Uint8Array, after: Date): Promise<Uint8Array | undefined> {
  const { rows } = await sql.executeQuery(CompiledQuery.raw(FIND, [...id, after]));
  const row = rows[0] as { request_hash: Buffer; response: Buffer | null } | undefined;
  if (!row) return undefined;
  if (!row.request_hash.equals(hash)) throw new IdempotencyKeyReused();
  return row.response ?? undefined;
}

function expiry(at: Date): Date {
  return new Date(at.getTime() - IDEMPOTENCY_MS);
}
