import { factsMigrations, type Migration } from '@weft/kit/store';

export const migrations: readonly Migration[] = [
  {
    name: '001-payments-and-refunds',
    up: `
      CREATE TABLE payment (
        payment_id uuid PRIMARY KEY,
        status text NOT NULL CHECK (status IN ('pending', 'authorized', 'declined', 'captured', 'voided')),
        order_id uuid,
        customer_id uuid,
        currency_code text,
        amount bigint CHECK (amount > 0),
        token_hash text,
        decline_reason text,
        provider_reference text,
        captured bigint NOT NULL CHECK (captured BETWEEN 0 AND coalesce(amount, 0)),
        refunded bigint NOT NULL CHECK (refunded >= 0),
        refunding bigint NOT NULL CHECK (refunding >= 0),
        authorize_attempts int NOT NULL,
        capture_attempts int NOT NULL,
        release_after timestamptz,
        version bigint NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        CHECK (num_nulls(order_id, customer_id, currency_code, amount, token_hash) IN (0, 5)),
        CHECK (refunded + refunding <= captured)
      );
      CREATE INDEX payment_release_after ON payment (release_after) WHERE release_after IS NOT NULL;
      CREATE TABLE refund (
        payment_id uuid NOT NULL REFERENCES payment,
        refund_id uuid NOT NULL,
        amount bigint NOT NULL CHECK (amount > 0),
        status text NOT NULL CHECK (status IN ('pending', 'done')),
        attempts int NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        PRIMARY KEY (payment_id, refund_id)
      );
    `,
  },
  ...factsMigrations,
];
