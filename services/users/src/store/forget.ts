import type { Database } from '@weft/kit/store';
import { sql } from 'kysely';
import { FORGET_MS } from '../domain/lockout.ts';
import type { UsersSchema } from './schema.ts';

// A minute's worth of one round; what is left waits for the next.
const BATCH = 10_000;

/** Addresses whose wrong passwords are remembered at once, so that nobody fills the disk with addresses made up. */
export const MAX_FAILED_LOGINS = 100_000;

/** Removes sessions that expired and wrong passwords that are forgotten, a bounded piece at a time. */
export async function forgetExpired(
  database: Database<UsersSchema>,
  now: Date,
  most = MAX_FAILED_LOGINS,
): Promise<void> {
  const { read } = database;
  const expired = read.selectFrom('session').select('session_id').where('expires_at', '<=', now).limit(BATCH);
  await read.deleteFrom('session').where('session_id', 'in', expired).execute();
  const forgotten = read
    .selectFrom('failed_login')
    .select('email_hash')
    .where('last_at', '<', new Date(now.getTime() - FORGET_MS))
    .limit(BATCH);
  await read.deleteFrom('failed_login').where('email_hash', 'in', forgotten).execute();
  const surplus = read
    .selectFrom('failed_login')
    .select('email_hash')
    .orderBy('last_at', 'desc')
    .offset(most)
    .limit(sql.lit(BATCH));
  await read.deleteFrom('failed_login').where('email_hash', 'in', surplus).execute();
}
