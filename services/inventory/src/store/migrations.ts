import { factsMigrations, type Migration } from '@weft/kit/store';

export const migrations: readonly Migration[] = [
  {
    name: '001-stock-and-reservations',
    up: `
      CREATE TABLE stock (
        stock_code text PRIMARY KEY,
        on_hand bigint NOT NULL CHECK (on_hand >= 0),
        reserved bigint NOT NULL CHECK (reserved BETWEEN 0 AND on_hand),
        version bigint NOT NULL,
        updated_at timestamptz NOT NULL
      ) WITH (fillfactor = 50);
      CREATE TABLE reservation (
        reservation_id uuid PRIMARY KEY,
        status text NOT NULL CHECK (status IN ('reserved', 'committed', 'released')),
        stock_codes text[] NOT NULL,
        quantities bigint[] NOT NULL,
        version bigint NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
      );
    `,
  },
  ...factsMigrations,
];
