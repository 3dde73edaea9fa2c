import type pg from 'pg';
import type { EventSchema, RegisteredSchema } from '../bus.ts';

const VERSIONS = `
  INSERT INTO bus.event_schema (type, fingerprint, message, descriptors)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) ON CONFLICT DO NOTHING`;
const USES = `
  WITH now_used AS (SELECT * FROM unnest($2::text[], $3::text[], $4::text[]) AS used (role, type, fingerprint)), gone AS (
    DELETE FROM bus.event_schema_use WHERE service = $1 AND (role, type) NOT IN (SELECT role, type FROM now_used)
  )
  INSERT INTO bus.event_schema_use AS standing (service, role, type, fingerprint) SELECT $1, role, type, fingerprint FROM now_used
  ON CONFLICT (service, role, type) DO UPDATE SET fingerprint = excluded.fingerprint
  WHERE standing.fingerprint <> excluded.fingerprint`;
const ALL = `
  SELECT type, message, fingerprint, descriptors, created_at,
    ARRAY(SELECT service FROM bus.event_schema_use u WHERE u.type = s.type AND u.fingerprint = s.fingerprint
          AND role = 'publisher' ORDER BY service) AS publishers,
    ARRAY(SELECT service FROM bus.event_schema_use u WHERE u.type = s.type AND u.fingerprint = s.fingerprint
          AND role = 'reader' ORDER BY service) AS readers
  FROM bus.event_schema s ORDER BY type, created_at DESC, fingerprint`;

type Row = Omit<RegisteredSchema, 'createdAt'> & { readonly created_at: Date };

export async function registerSchemas(
  pool: pg.Pool,
  service: string,
  publishes: readonly EventSchema[],
  reads: readonly EventSchema[],
): Promise<void> {
  const all = [...publishes, ...reads];
  const types = all.map(({ type }) => type);
  const fingerprints = all.map(({ fingerprint }) => fingerprint);
  await pool.query(VERSIONS, [types, fingerprints, all.map(({ message }) => message), all.map(hex)]);
  const roles = [...publishes.map(() => 'publisher'), ...reads.map(() => 'reader')];
  await pool.query(USES, [service, roles, types, fingerprints]);
}

// In an array pg would write a Buffer as text.
const hex = ({ descriptors }: EventSchema): string => `\\x${Buffer.from(descriptors).toString('hex')}`;

export async function listSchemas(pool: pg.Pool): Promise<RegisteredSchema[]> {
  const { rows } = await pool.query<Row>(ALL);
  return rows.map(({ created_at: createdAt, ...row }) => ({ ...row, createdAt }));
}
