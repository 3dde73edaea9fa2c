import type { Kysely, Selectable } from 'kysely';
import type { StoredSession, UsersTransaction } from '../app/ports.ts';
import type { Session } from '../domain/session.ts';
import type { UsersSchema } from './schema.ts';

type SessionsTransaction = Pick<
  UsersTransaction,
  'sessionOf' | 'insertSession' | 'rotateSession' | 'removeSessions' | 'removeSession'
>;

export function sessionsTransaction(db: Kysely<UsersSchema>): SessionsTransaction {
  return {
    async sessionOf(handleHash) {
      const row = await db
        .selectFrom('session')
        .selectAll()
        .where('handle_hash', '=', handleHash)
        .forUpdate()
        .executeTakeFirst();
      return row && toStored(row);
    },
    async insertSession({ sessionId, userId, openedAt, expiresAt }, handleHash, secretHash) {
      await db
        .insertInto('session')
        .values({
          session_id: sessionId,
          user_id: userId,
          handle_hash: handleHash,
          secret_hash: secretHash,
          opened_at: openedAt,
          rotated_at: openedAt,
          expires_at: expiresAt,
        })
        .execute();
    },
    async rotateSession(sessionId, { current, spent, rotatedAt, salt }) {
      await db
        .updateTable('session')
        .set({ secret_hash: current, spent_hash: spent ?? null, rotated_at: rotatedAt, salt: salt ?? null })
        .where('session_id', '=', sessionId)
        .execute();
    },
    async removeSessions(userId, keep, now) {
      const surplus = db
        .selectFrom('session')
        .select('session_id')
        .where('user_id', '=', userId)
        .orderBy('opened_at', 'desc')
        .orderBy('session_id', 'desc')
        .offset(keep);
      const rows = await db.deleteFrom('session').where('session_id', 'in', surplus).returningAll().execute();
      return rows.map(toSession).filter(({ expiresAt }) => expiresAt > now);
    },
    async removeSession(sessionId) {
      const { numDeletedRows } = await db
        .deleteFrom('session')
        .where('session_id', '=', sessionId)
        .executeTakeFirstOrThrow();
      return numDeletedRows > 0n;
    },
  };
}

function toSession(row: Selectable<UsersSchema['session']>): Session {
  return { sessionId: row.session_id, userId: row.user_id, openedAt: row.opened_at, expiresAt: row.expires_at };
}

function toStored(row: Selectable<UsersSchema['session']>): StoredSession {
  const { secret_hash: current, spent_hash: spent, salt, rotated_at: rotatedAt } = row;
  return {
    session: toSession(row),
    secrets: { current, spent: spent ?? undefined, salt: salt ?? undefined, rotatedAt },
  };
}
