/** Events taken at once. */
export const BATCH = 256;
const LAG_COUNT = 10_000;

export const FORGET = 'DELETE FROM outbox WHERE id = ANY ($1::bigint[])';
const COLUMNS = 'id, message_id, type, subject, key, headers, payload';

// Sees the rows that it deletes, too. The first of each bucket, and of these the first: so it costs the same whatever waits in other buckets. $1
// what is published, $2 what is on its way, $3 buckets.
export const TAKE = `
  WITH published AS (${FORGET}), next AS MATERIALIZED (
    SELECT first.id FROM unnest($3::int[]) mine (bucket) CROSS JOIN LATERAL (
      SELECT id FROM outbox WHERE outbox.bucket = mine.bucket
        AND id NOT IN (SELECT unnest($1::bigint[] || $2::bigint[]))
      ORDER BY id LIMIT ${BATCH}
    ) first ORDER BY first.id LIMIT ${BATCH}
  )
  SELECT ${COLUMNS} FROM next JOIN outbox USING (id) ORDER BY id`;
// The same where all buckets are ours, at a third of what it costs.
export const TAKE_OF_ALL = `
  WITH published AS (${FORGET})
  SELECT ${COLUMNS} FROM outbox WHERE id NOT IN (SELECT unnest($1::bigint[] || $2::bigint[])) ORDER BY id LIMIT ${BATCH}`;

export const LAG = `
  SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT ${LAG_COUNT}) waiting) AS backlog,
         coalesce(extract(epoch FROM clock_timestamp() - (SELECT created_at FROM outbox ORDER BY id LIMIT 1)) * 1000, 0)::int8 AS age`;
