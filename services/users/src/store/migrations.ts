import type { Migration } from '@weft/kit/store';

export const migrations: readonly Migration[] = [
  {
    name: '001-accounts-and-signing-keys',
    up: `
      CREATE TABLE account (
        user_id uuid PRIMARY KEY,
        email text,
        email_key text UNIQUE,
        full_name text,
        password_hash text,
        roles text[] NOT NULL,
        version bigint NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        deleted_at timestamptz
      );
      CREATE INDEX account_created_at ON account (created_at, user_id);
      CREATE TABLE signing_key (
        number int PRIMARY KEY,
        jwk jsonb NOT NULL
      );
    `,
  },
];
