import type { Database, UnitOfWork } from '@weft/kit/store';
import { type Selectable, sql } from 'kysely';
import type { UsersStore, UsersTransaction } from '../app/ports.ts';
import { type Account, emailKey, type User } from '../domain/user.ts';
import { toEvent } from '../events/to-event.ts';
import { failedLoginsTransaction, findFailedLogins } from './failed-logins.ts';
import type { UsersSchema } from './schema.ts';
import { sessionsTransaction } from './sessions.ts';

export function usersStore(database: Database<UsersSchema>): UsersStore {
  const { read } = database;
  return {
    transaction: (work) => database.transaction((tx) => work(usersTransaction(tx))),
    async find(userId) {
      const row = await read.selectFrom('account').selectAll().where('user_id', '=', userId).executeTakeFirst();
      return row && toUser(row);
    },
    async findAccount(email) {
      const row = await read
        .selectFrom('account')
        .selectAll()
        .where('email_key', '=', emailKey(email))
        .executeTakeFirst();
      return row && toAccount(row);
    },
    findFailedLogins: (email) => findFailedLogins(read, email),
    async list({ after, showDeleted, limit }) {
      let query = read.selectFrom('account').selectAll().orderBy('created_at').orderBy('user_id').limit(limit);
      if (!showDeleted) query = query.where('deleted_at', 'is', null);
      if (after) {
        const { createdAt, userId } = after;
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('created_at', 'user_id'), '>', tuple(createdAt, userId)),
        );
      }
      return (await query.execute()).map(toUser);
    },
  };
}

function usersTransaction({ sql: db, publish }: UnitOfWork<UsersSchema>): UsersTransaction {
  return {
    ...sessionsTransaction(db),
    ...failedLoginsTransaction(db),
    async readAccount(userId) {
      const row = await db.selectFrom('account').selectAll().where('user_id', '=', userId).executeTakeFirst();
      return row && toAccount(row);
    },
    async account(userId) {
      const row = await db
        .selectFrom('account')
        .selectAll()
        .where('user_id', '=', userId)
        .forUpdate()
        .executeTakeFirst();
      return row && toAccount(row);
    },
    async accountOf(email) {
      const key = emailKey(email);
      // Not the unique index alone: the server writes its violations, with the address, into its log.
      await sql`SELECT pg_advisory_xact_lock(hashtextextended(${key}, 0))`.execute(db);
      const row = await db
        .selectFrom('account')
        .selectAll()
        .where('email_key', '=', key)
        .forUpdate()
        .executeTakeFirst();
      return row && toAccount(row);
    },
    async insert(account) {
      const { userId, createdAt } = account.user;
      await db
        .insertInto('account')
        .values({ user_id: userId, created_at: createdAt, ...changing(account) })
        .execute();
    },
    async save(account) {
      await db.updateTable('account').set(changing(account)).where('user_id', '=', account.user.userId).execute();
    },
    publish: (event) => publish(toEvent(event)),
  };
}

function toUser(row: Selectable<UsersSchema['account']>): User {
  return {
    userId: row.user_id,
    email: row.email ?? '',
    fullName: row.full_name ?? '',
    roles: row.roles,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at ?? undefined,
  };
}

function toAccount(row: Selectable<UsersSchema['account']>): Account {
  return { user: toUser(row), passwordHash: row.password_hash ?? '' };
}

function changing({ user, passwordHash }: Account) {
  const { email, fullName, roles, version, updatedAt, deletedAt } = user;
  return {
    email: email || null,
    email_key: email ? emailKey(email) : null,
    full_name: fullName || null,
    password_hash: passwordHash || null,
    roles: [...roles],
    version,
    updated_at: updatedAt,
    deleted_at: deletedAt ?? null,
  };
}
