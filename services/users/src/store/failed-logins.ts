import { createHash } from 'node:crypto';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { UsersTransaction } from '../app/ports.ts';
import type { FailedLogins } from '../domain/lockout.ts';
import { emailKey } from '../domain/user.ts';
import type { UsersSchema } from './schema.ts';

type FailedLoginsTransaction = Pick<UsersTransaction, 'failedLogins' | 'saveFailedLogins' | 'forgetFailedLogins'>;

export function failedLoginsTransaction(db: Kysely<UsersSchema>): FailedLoginsTransaction {
  return {
    async failedLogins(email) {
      const hash = hashOf(email);
      await sql`SELECT pg_advisory_xact_lock(hashtextextended(${hash.toString('hex')}, 1))`.execute(db);
      return findFailedLogins(db, email);
    },
    async saveFailedLogins(email, { count, lastAt, lockedUntil }) {
      const values = { failures: count, last_at: lastAt, locked_until: lockedUntil ?? null };
      await db
        .insertInto('failed_login')
        .values({ email_hash: hashOf(email), ...values })
        .onConflict((conflict) => conflict.column('email_hash').doUpdateSet(values))
        .execute();
    },
    async forgetFailedLogins(email) {
      await db.deleteFrom('failed_login').where('email_hash', '=', hashOf(email)).execute();
    },
  };
}

export async function findFailedLogins(db: Kysely<UsersSchema>, email: string): Promise<FailedLogins | undefined> {
  const row = await db
    .selectFrom('failed_login')
    .selectAll()
    .where('email_hash', '=', hashOf(email))
    .executeTakeFirst();
  return row && toFailedLogins(row);
}

function toFailedLogins(row: Selectable<UsersSchema['failed_login']>): FailedLogins {
  return { count: row.failures, lastAt: row.last_at, lockedUntil: row.locked_until ?? undefined };
}

function hashOf(email: string): Buffer {
  return createHash('sha256').update(emailKey(email)).digest();
}
