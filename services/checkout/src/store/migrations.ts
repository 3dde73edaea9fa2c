import type { Migration } from '@weft/kit/store';

export const migrations: readonly Migration[] = [
  {
    name: '001-sagas',
    up: `
      -- Room to rewrite a row in its page: a saga is saved with each step.
      CREATE TABLE saga (
        saga_id uuid PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('place-order', 'cancel-order', 'return-items')),
        order_id uuid NOT NULL,
        state text NOT NULL CHECK (state IN ('running', 'compensating', 'completed', 'compensated')),
        reason text NOT NULL,
        steps jsonb NOT NULL,
        input jsonb NOT NULL,
        headers jsonb NOT NULL,
        cancellation jsonb,
        failures int NOT NULL,
        stalled boolean NOT NULL,
        next_attempt_at timestamptz NOT NULL,
        version bigint NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        lease_id uuid,
        lease_until timestamptz
      ) WITH (fillfactor = 50);
      CREATE INDEX saga_due ON saga (next_attempt_at) WHERE state IN ('running', 'compensating');
      CREATE INDEX saga_by_order ON saga (order_id, saga_id DESC);
      CREATE INDEX saga_by_state ON saga (state, saga_id DESC);
    `,
  },
  {
    name: '002-shipments',
    up: `
      -- Open sagas get the steps that are new, in their places.
      UPDATE saga SET version = version + 1, steps = jsonb_insert(
        steps, '{2}', '{"name": "ship", "state": "pending", "attempts": 0, "lastError": "", "updatedAt": ""}'
      ) WHERE kind = 'place-order' AND state IN ('running', 'compensating');
      UPDATE saga SET version = version + 1, steps = jsonb_insert(
        steps, '{0}', '{"name": "cancel-shipment", "state": "pending", "attempts": 0, "lastError": "", "updatedAt": ""}'
      ) WHERE kind = 'cancel-order' AND state IN ('running', 'compensating');
    `,
  },
];
