/** One step of a schema. Runs once, in a transaction; never changed after it has been released. */
export interface Migration {
  readonly name: string;
  /** SQL, any number of statements. */
  readonly up: string;
}

/** The tables of the store itself: the outbox, the inbox and the idempotency keys. */
export const storeMigrations: readonly Migration[] = [
  {
    name: 'store/0001-outbox-inbox-idempotency',
    up: `
      CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        bucket int NOT NULL,
        message_id uuid NOT NULL,
        type text NOT NULL,
        subject text NOT NULL,
        key text NOT NULL,
        headers jsonb NOT NULL,
        payload bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
      CREATE INDEX outbox_bucket_id ON outbox (bucket, id);

      CREATE TABLE inbox (
        consumer text NOT NULL,
        message_id uuid NOT NULL,
        received_at timestamptz NOT NULL,
        PRIMARY KEY (consumer, message_id)
      );
      CREATE INDEX inbox_received_at ON inbox USING brin (received_at) WITH (pages_per_range = 32, autosummarize = on);

      CREATE TABLE idempotency (
        subject text NOT NULL,
        method text NOT NULL,
        key text NOT NULL,
        request_hash bytea NOT NULL,
        response bytea,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (subject, method, key)
      );
      CREATE INDEX idempotency_created_at ON idempotency USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);
    `,
  },
];
