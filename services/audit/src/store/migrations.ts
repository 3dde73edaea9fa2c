import type { Migration } from '@weft/kit/store';

export const migrations: readonly Migration[] = [
  {
    name: '001-audit',
    up: `
      CREATE TABLE audit_event (
        occurred_at timestamptz NOT NULL,
        event_id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('state-change', 'operation', 'denial')),
        service text NOT NULL,
        action text NOT NULL,
        resource_id text NOT NULL,
        user_id text,
        caller text NOT NULL,
        method text NOT NULL,
        status text NOT NULL,
        reason text NOT NULL,
        count bigint NOT NULL,
        correlation_id text NOT NULL,
        trace_id text NOT NULL,
        content text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (occurred_at, event_id)
      ) PARTITION BY RANGE (occurred_at);
      CREATE INDEX audit_event_by_user ON audit_event (user_id, occurred_at DESC, event_id DESC) WHERE user_id IS NOT NULL;
      CREATE INDEX audit_event_by_resource ON audit_event (resource_id, occurred_at DESC, event_id DESC);
      CREATE INDEX audit_event_by_correlation ON audit_event (correlation_id, occurred_at DESC, event_id DESC);
      CREATE INDEX audit_event_by_action ON audit_event (action, occurred_at DESC, event_id DESC);

      CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'audit_event only grows: what is recorded is not changed'; END
      $$;
      CREATE TRIGGER audit_event_kept BEFORE UPDATE OR DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_event_refuse();
      CREATE TRIGGER audit_event_not_emptied BEFORE TRUNCATE ON audit_event EXECUTE FUNCTION audit_event_refuse();

      -- A month is a table of its own, which goes as a whole when its time is over.
      CREATE FUNCTION audit_open_month(month timestamptz) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE name text := 'audit_event_' || to_char(month AT TIME ZONE 'UTC', 'YYYYMM');
        BEGIN
          IF to_regclass(name) IS NOT NULL THEN RETURN; END IF;
          EXECUTE format('CREATE TABLE %I PARTITION OF audit_event FOR VALUES FROM (%L) TO (%L)', name, month,
            ((month AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC');
          EXECUTE format('CREATE TRIGGER not_emptied BEFORE TRUNCATE ON %I EXECUTE FUNCTION audit_event_refuse()', name);
        END
      $$;
      CREATE FUNCTION audit_forget_before(month timestamptz) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE name text;
        BEGIN
          FOR name IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_event'::regclass
          LOOP
            IF right(name, 6) < to_char(month AT TIME ZONE 'UTC', 'YYYYMM') THEN EXECUTE format('DROP TABLE %I', name); END IF;
          END LOOP;
        END
      $$;

      CREATE TABLE audit_cursor (stream text PRIMARY KEY, position bigint NOT NULL);
      CREATE TABLE audit_turn (one boolean PRIMARY KEY DEFAULT true CHECK (one), owner text, until timestamptz NOT NULL);
      INSERT INTO audit_turn (until) VALUES ('-infinity');
    `,
  },
  {
    name: '002-attempts',
    up: 'ALTER TABLE audit_event ADD COLUMN attempts int NOT NULL DEFAULT 0;',
  },
];
