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
  {
    name: '002-sessions-failed-logins-and-key-rotation',
    up: `
      CREATE TABLE session (
        session_id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES account,
        handle_hash bytea NOT NULL UNIQUE,
        secret_hash bytea NOT NULL,
        spent_hash bytea,
        salt bytea,
        opened_at timestamptz NOT NULL,
        rotated_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL
      );
      CREATE INDEX session_of_user ON session (user_id, opened_at);
      CREATE INDEX session_expires_at ON session (expires_at);
      CREATE TABLE failed_login (
        email_hash bytea PRIMARY KEY,
        failures int NOT NULL,
        last_at timestamptz NOT NULL,
        locked_until timestamptz
      );
      CREATE INDEX failed_login_last_at ON failed_login (last_at);
      ALTER TABLE signing_key
        ADD created_at timestamptz NOT NULL DEFAULT now(),
        ADD signs_from timestamptz NOT NULL DEFAULT now();
    `,
  },
];
