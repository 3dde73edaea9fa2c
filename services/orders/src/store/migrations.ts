import { factsMigrations, type Migration } from '@weft/kit/store';

export const migrations: readonly Migration[] = [
  {
    name: '001-orders',
    up: `
      CREATE TABLE orders (
        order_id uuid PRIMARY KEY,
        customer_id uuid NOT NULL,
        status text NOT NULL CHECK (status IN ('placed', 'confirmed', 'rejected', 'cancelling', 'cancelled')),
        reason text NOT NULL,
        currency text NOT NULL,
        total bigint NOT NULL CHECK (total >= 0),
        refunded bigint NOT NULL CHECK (refunded BETWEEN 0 AND total),
        version bigint NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
      );
      CREATE INDEX orders_by_customer ON orders (customer_id, order_id DESC);
      CREATE INDEX orders_by_status ON orders (status, order_id DESC);

      CREATE TABLE order_line (
        order_id uuid NOT NULL REFERENCES orders,
        position int NOT NULL,
        product_id text NOT NULL,
        stock_code text NOT NULL,
        title text NOT NULL,
        quantity bigint NOT NULL CHECK (quantity > 0),
        unit_price bigint NOT NULL CHECK (unit_price >= 0),
        returned bigint NOT NULL CHECK (returned BETWEEN 0 AND quantity),
        PRIMARY KEY (order_id, position)
      );

      CREATE TABLE order_return (
        return_id uuid PRIMARY KEY,
        order_id uuid NOT NULL REFERENCES orders,
        status text NOT NULL CHECK (status IN ('requested', 'settled')),
        product_ids text[] NOT NULL,
        quantities bigint[] NOT NULL,
        refund bigint NOT NULL CHECK (refund >= 0),
        created_at timestamptz NOT NULL,
        settled_at timestamptz
      );
      CREATE INDEX order_return_by_order ON order_return (order_id);

      CREATE TABLE order_change (
        order_id uuid NOT NULL REFERENCES orders,
        version bigint NOT NULL,
        status text NOT NULL,
        reason text NOT NULL,
        settled boolean NOT NULL,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (order_id, version)
      );
    `,
  },
  {
    name: '002-delivery',
    up: `
      ALTER TABLE orders ADD COLUMN delivery_method text NOT NULL DEFAULT 'pick-up' CHECK (delivery_method IN ('pick-up', 'address'));
      ALTER TABLE orders DROP CONSTRAINT orders_status_check;
      ALTER TABLE orders ADD CONSTRAINT orders_status_check
        CHECK (status IN ('placed', 'confirmed', 'completed', 'rejected', 'cancelling', 'cancelled'));

      -- What was confirmed before there were shipments was handed over then.
      WITH completed AS (
        UPDATE orders SET status = 'completed', version = version + 1, updated_at = now() WHERE status = 'confirmed'
        RETURNING order_id, version, status, reason, updated_at
      )
      INSERT INTO order_change (order_id, version, status, reason, settled, changed_at)
      SELECT order_id, version, status, reason, NOT EXISTS (
        SELECT FROM order_return WHERE order_return.order_id = completed.order_id AND order_return.status = 'requested'
      ), updated_at FROM completed;

      -- Personal data, apart from what stays.
      CREATE TABLE order_delivery (
        order_id uuid PRIMARY KEY REFERENCES orders,
        customer_id uuid NOT NULL,
        recipient text NOT NULL,
        street text NOT NULL,
        city text NOT NULL,
        postal_code text NOT NULL,
        country_code text NOT NULL
      );
      CREATE INDEX order_delivery_by_customer ON order_delivery (customer_id);
      CREATE TABLE erased_customer (customer_id uuid PRIMARY KEY);
    `,
  },
  {
    name: '003-payment',
    up: `
      -- What the end of an order tells of its payment, where it was not recorded. An older version goes on not to record it.
      CREATE FUNCTION order_payment(status text, refunded bigint, total bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE
          WHEN refunded > 0 AND refunded = total THEN 'refunded'
          WHEN refunded > 0 THEN 'partially-refunded'
          WHEN status IN ('confirmed', 'completed') THEN 'captured'
          WHEN status IN ('rejected', 'cancelled') THEN 'voided'
          ELSE 'pending'
        END
      $$;
      ALTER TABLE orders ADD COLUMN payment text NOT NULL DEFAULT 'pending'
        CHECK (payment IN ('pending', 'captured', 'partially-refunded', 'refunded', 'voided', 'declined'));
      UPDATE orders SET payment = order_payment(status, refunded, total);
      ALTER TABLE order_change ADD COLUMN payment text NOT NULL DEFAULT 'pending';
      UPDATE order_change SET payment = CASE
        WHEN order_change.version = orders.version THEN orders.payment ELSE order_payment(order_change.status, 0, total)
      END FROM orders WHERE orders.order_id = order_change.order_id;
    `,
  },
  {
    name: '004-history',
    up: `
      -- What was recorded of each change becomes the history of the order, which its rows follow from. What is in it stays.
      ALTER TABLE order_change RENAME TO order_events;
      ALTER INDEX order_change_pkey RENAME TO order_events_pkey;
      ALTER TABLE order_events RENAME COLUMN changed_at TO occurred_at;
      ALTER TABLE order_events DROP CONSTRAINT order_change_order_id_fkey;
      ALTER TABLE order_events
        ADD COLUMN type text NOT NULL DEFAULT 'weft.orders.v1.order_imported',
        ADD COLUMN payload json,
        ADD COLUMN correlation_id text NOT NULL DEFAULT '';
      CREATE FUNCTION order_events_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'order_events only grows: it is what orders are rebuilt from'; END
      $$;
      CREATE TRIGGER order_events_kept BEFORE UPDATE OR DELETE ON order_events
        FOR EACH ROW WHEN (OLD.payload IS NOT NULL) EXECUTE FUNCTION order_events_refuse();
      CREATE TRIGGER order_events_not_emptied BEFORE TRUNCATE ON order_events EXECUTE FUNCTION order_events_refuse();

      -- Addresses are not a part of what is rebuilt.
      ALTER TABLE order_delivery DROP CONSTRAINT order_delivery_order_id_fkey;

      -- An order as its rows are now. Its history may begin with it.
      CREATE FUNCTION order_snapshot(id uuid) RETURNS json LANGUAGE sql STABLE AS $$
        SELECT json_build_object(
          'order', to_json(orders),
          'lines', (SELECT coalesce(json_agg(line ORDER BY position), '[]') FROM order_line line WHERE line.order_id = id),
          'returns', (SELECT coalesce(json_agg(one ORDER BY created_at), '[]') FROM order_return one WHERE one.order_id = id)
        ) FROM orders WHERE orders.order_id = id
      $$;

      -- The version before this one knows the table by its old name, and not all of its columns: what it changes is recorded by
      -- what came of it. This is to go with the release after this one.
      CREATE VIEW order_change AS
        SELECT order_id, version, status, reason, settled, occurred_at AS changed_at FROM order_events;
      CREATE FUNCTION order_events_import() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          UPDATE orders SET payment = order_payment(status, refunded, total)
          WHERE order_id = NEW.order_id AND status NOT IN ('placed', 'cancelling');
          UPDATE order_events SET
            payload = order_snapshot(NEW.order_id), payment = (SELECT payment FROM orders WHERE order_id = NEW.order_id)
          WHERE order_id = NEW.order_id AND version = NEW.version;
          RETURN NULL;
        END
      $$;
      CREATE TRIGGER order_events_imported AFTER INSERT ON order_events
        FOR EACH ROW WHEN (NEW.payload IS NULL) EXECUTE FUNCTION order_events_import();
    `,
  },
  {
    name: '005-history-of-older-orders',
    up: `
      INSERT INTO order_events (order_id, version, status, reason, payment, settled, occurred_at, payload)
      SELECT order_id, version, status, reason, payment,
        status IN ('completed', 'rejected', 'cancelled') AND NOT EXISTS (
          SELECT FROM order_return WHERE order_return.order_id = orders.order_id AND order_return.status = 'requested'
        ), updated_at, order_snapshot(order_id)
      FROM orders
      ON CONFLICT (order_id, version) DO UPDATE SET payload = EXCLUDED.payload WHERE order_events.payload IS NULL;
    `,
  },
  {
    name: '006-saga-style',
    up: `
      ALTER TABLE orders ADD COLUMN saga_style text NOT NULL DEFAULT 'orchestrated'
        CHECK (saga_style IN ('orchestrated', 'choreographed'));
    `,
  },
  ...factsMigrations,
];
