import type { Migration } from '../../store/index.ts';

export const SCHEMA = 'bus';

// The roles of all services share these tables: who may connect to the database may use them.
export const busMigrations: readonly Migration[] = [
  {
    name: '0001-bus',
    up: `
      CREATE TABLE bus.message (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        bucket int NOT NULL,
        id uuid NOT NULL UNIQUE,
        type text NOT NULL,
        subject text NOT NULL,
        key text NOT NULL,
        headers jsonb NOT NULL,
        payload bytea NOT NULL,
        published_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX message_bucket_seq ON bus.message (bucket, seq);

      -- One row a bucket of a consumer; rewritten for every batch, hence the room for updates in place.
      CREATE TABLE bus.consumer (
        name text NOT NULL,
        bucket int NOT NULL,
        position bigint NOT NULL DEFAULT 0,
        deliveries int NOT NULL DEFAULT 0,
        batch_size int NOT NULL DEFAULT 0,
        batch_end bigint NOT NULL DEFAULT 0,
        next_attempt_at timestamptz,
        PRIMARY KEY (name, bucket)
      ) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

      CREATE TABLE bus.dead_letter (
        letter uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        consumer text NOT NULL,
        bucket int NOT NULL,
        seq bigint NOT NULL,
        id uuid NOT NULL,
        type text NOT NULL,
        subject text NOT NULL,
        key text NOT NULL,
        headers jsonb NOT NULL,
        payload bytea NOT NULL,
        published_at timestamptz NOT NULL,
        error text NOT NULL,
        stack text NOT NULL,
        deliveries int NOT NULL,
        failed_at timestamptz NOT NULL DEFAULT now(),
        state text NOT NULL DEFAULT 'dead' CHECK (state IN ('dead', 'redrive', 'redriving', 'redriven', 'discarded')),
        UNIQUE (consumer, seq)
      );
      CREATE INDEX dead_letter_redrive ON bus.dead_letter (consumer, bucket, seq) WHERE state IN ('redrive', 'redriving');

      GRANT USAGE ON SCHEMA bus TO PUBLIC;
      GRANT SELECT ON bus.migration TO PUBLIC;
      GRANT SELECT, INSERT, UPDATE, DELETE ON bus.message, bus.consumer, bus.dead_letter TO PUBLIC;
    `,
  },
  {
    name: '0002-consumer-noted-by',
    up: 'ALTER TABLE bus.consumer ADD noted_by int',
  },
  {
    name: '0003-rewind',
    // Whoever has the lock of the bucket goes back there at its next turn.
    up: 'ALTER TABLE bus.consumer ADD rewind_to bigint',
  },
  {
    name: '0004-event-schema',
    up: `
      CREATE TABLE bus.event_schema (
        type text NOT NULL,
        fingerprint text NOT NULL,
        message text NOT NULL,
        descriptors bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (type, fingerprint)
      );
      CREATE TABLE bus.event_schema_use (
        service text NOT NULL,
        role text NOT NULL CHECK (role IN ('publisher', 'reader')),
        type text NOT NULL,
        fingerprint text NOT NULL,
        PRIMARY KEY (service, role, type),
        FOREIGN KEY (type, fingerprint) REFERENCES bus.event_schema
      );
      GRANT SELECT, INSERT, UPDATE, DELETE ON bus.event_schema, bus.event_schema_use TO PUBLIC;
    `,
  },
  {
    name: '0005-consumer-types',
    // What all instances of the consumer have, of any version; null where none has said so yet. Up to `covered` all of it was looked at: a version
    // before this one moves the position alone, past what it does not have.
    up: 'ALTER TABLE bus.consumer ADD types text[], ADD covered bigint',
  },
];
