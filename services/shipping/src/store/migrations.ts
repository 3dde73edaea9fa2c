import { factsMigrations, type Migration } from '@weft/kit/store';

export const migrations: readonly Migration[] = [
  {
    name: '001-shipments',
    up: `
      CREATE TABLE shipment (
        shipment_id uuid PRIMARY KEY,
        status text NOT NULL CHECK (status IN ('pending', 'accepted', 'rejected', 'dispatched', 'cancelled')),
        order_id uuid,
        customer_id uuid,
        stock_codes text[] NOT NULL,
        quantities bigint[] NOT NULL,
        delivered boolean NOT NULL,
        reject_reason text,
        tracking_code text,
        collects_after_ms int NOT NULL CHECK (collects_after_ms >= 0),
        dispatch_at timestamptz CHECK (dispatch_at IS NULL OR status = 'accepted'),
        withdraw_at timestamptz CHECK (withdraw_at IS NULL OR status = 'cancelled'),
        attempts int NOT NULL,
        version bigint NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        dispatched_at timestamptz,
        CHECK (num_nulls(order_id, customer_id) IN (0, 2)),
        CHECK ((status = 'dispatched') = (dispatched_at IS NOT NULL))
      );
      CREATE INDEX shipment_dispatch_at ON shipment (dispatch_at) WHERE dispatch_at IS NOT NULL;
      CREATE INDEX shipment_withdraw_at ON shipment (withdraw_at) WHERE withdraw_at IS NOT NULL;

      -- Personal data, apart from what stays.
      CREATE TABLE shipment_address (
        shipment_id uuid PRIMARY KEY,
        customer_id uuid NOT NULL,
        recipient text NOT NULL,
        street text NOT NULL,
        city text NOT NULL,
        postal_code text NOT NULL,
        country_code text NOT NULL
      );
      CREATE INDEX shipment_address_by_customer ON shipment_address (customer_id);
      CREATE TABLE erased_customer (customer_id uuid PRIMARY KEY);
    `,
  },
  {
    name: '002-cause',
    up: 'ALTER TABLE shipment ADD COLUMN cause jsonb',
  },
  ...factsMigrations,
];
