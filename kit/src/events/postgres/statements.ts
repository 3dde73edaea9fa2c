// All of these run on the session that holds the locks of the buckets they concern, except those said to run elsewhere.

/** How many messages of a bucket are looked at for those of the wanted types. */
export const WINDOW = 1_000;

export const REGISTER = 'INSERT INTO bus.consumer (name, bucket) VALUES ($1, $2) ON CONFLICT DO NOTHING';

/**
 * $1 consumer, $2 bucket, $3 this process, $4 class of the locks that processes are known to live by. Something was in hand
 * when `batch_size` is not 0: then `alive` tells whether the process that had it has outlived it.
 */
export const LOAD = `
  SELECT position, deliveries, batch_size, batch_end,
         greatest(0, coalesce(extract(epoch FROM next_attempt_at - clock_timestamp()) * 1000, 0))::int AS wait_ms,
         coalesce(noted_by = $3::int, false) OR EXISTS (
           SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND classid = $4::int::oid AND objid = noted_by::oid
         ) AS alive
  FROM bus.consumer WHERE name = $1 AND bucket = $2`;

/** Whoever was at it is gone, and nobody knows how far it came. */
export const ABANDON_REDRIVES = `
  UPDATE bus.dead_letter SET state = 'dead', failed_at = now(), error = 'the process or its connection ended while it was handled again'
  WHERE consumer = $1 AND bucket = $2 AND state = 'redriving'`;

/**
 * $1 consumer, $2 bucket, $3 after, $4 types, $5 limit, $6 deliveries to note, $7 end of the cautious stretch, $8 this
 * process. Notes the delivery before anybody sees the messages. One row without a message when there is none: how far was looked, and whether
 * there may be more behind.
 */
export const FETCH = `
  WITH looked_at AS MATERIALIZED (
    SELECT seq, type FROM bus.message WHERE bucket = $2 AND seq > $3 ORDER BY seq LIMIT ${WINDOW}
  ), picked AS MATERIALIZED (
    SELECT seq FROM looked_at WHERE type = ANY ($4::text[]) ORDER BY seq LIMIT $5
  ), noted AS (
    UPDATE bus.consumer SET position = $3, deliveries = $6, noted_by = $8, batch_size = (SELECT count(*) FROM picked),
      batch_end = CASE WHEN (SELECT count(*) FROM picked) > 1 THEN (SELECT max(seq) FROM picked) ELSE $7 END
    WHERE name = $1 AND bucket = $2 AND EXISTS (SELECT FROM picked)
  ), reach AS (
    SELECT count(*) = ${WINDOW} AS more,
           CASE WHEN count(*) = ${WINDOW} THEN max(seq) ELSE (SELECT coalesce(max(seq), 0) FROM bus.message) END AS scanned
    FROM looked_at
  )
  SELECT reach.scanned, reach.more, m.seq, m.id, m.type, m.subject, m.key, m.headers, m.payload, m.published_at
  FROM reach LEFT JOIN (picked CROSS JOIN LATERAL (SELECT * FROM bus.message WHERE bus.message.seq = picked.seq) m) ON true
  ORDER BY m.seq`;

/** Back to where somebody wants the bucket handled from again. */
export const REWIND = `
  UPDATE bus.consumer SET position = least(position, rewind_to), rewind_to = NULL, deliveries = 0, batch_size = 0, next_attempt_at = NULL
  WHERE name = $1 AND bucket = $2 AND rewind_to IS NOT NULL RETURNING position`;

/** The next message, without noting a delivery. */
export const PEEK = `
  SELECT seq FROM bus.message WHERE bucket = $1 AND seq > $2 AND type = ANY ($3::text[]) ORDER BY seq LIMIT 1`;

export const SAVE = `
  UPDATE bus.consumer SET position = $3, deliveries = $4, batch_size = 0, batch_end = $5,
    next_attempt_at = clock_timestamp() + $6 * interval '1 millisecond'
  WHERE name = $1 AND bucket = $2`;

export const SAVE_POSITIONS = `
  UPDATE bus.consumer c SET position = v.position FROM unnest($2::int[], $3::bigint[]) v(bucket, position)
  WHERE c.name = $1 AND c.bucket = v.bucket AND c.position < v.position`;

export const BURY = `
  WITH letter AS (
    INSERT INTO bus.dead_letter AS d (consumer, bucket, seq, id, type, subject, key, headers, payload, published_at, deliveries, error, stack)
    SELECT $1, bucket, seq, id, type, subject, key, headers, payload, published_at, $4::int, $5, $6 FROM bus.message WHERE seq = $3
    ON CONFLICT (consumer, seq) DO UPDATE SET state = 'dead', deliveries = excluded.deliveries, error = excluded.error,
      stack = excluded.stack, failed_at = now()
    RETURNING letter
  ), moved AS (
    UPDATE bus.consumer SET position = $3, deliveries = 0, batch_size = 0, batch_end = $7, next_attempt_at = NULL
    WHERE name = $1 AND bucket = $2
  )
  SELECT letter FROM letter`;

export const TAKE_REDRIVE = `
  UPDATE bus.dead_letter SET state = 'redriving', deliveries = deliveries + 1
  WHERE letter = (SELECT letter FROM bus.dead_letter WHERE consumer = $1 AND bucket = $2 AND state = 'redrive' ORDER BY seq LIMIT 1)
  RETURNING letter, seq, id, type, subject, key, headers, payload, published_at, deliveries`;

export const END_REDRIVE = `
  UPDATE bus.dead_letter SET state = $2, deliveries = $3::int, error = coalesce($4, error), stack = coalesce($5, stack),
    failed_at = CASE WHEN $4::text IS NULL THEN failed_at ELSE now() END
  WHERE letter = $1`;

/** Buckets with messages of these types. $1 after, $2 up to, $3 types, $4 buckets. */
export const SCAN = `
  SELECT DISTINCT bucket FROM bus.message
  WHERE seq > $1 AND seq <= $2 AND type = ANY ($3::text[]) AND bucket = ANY ($4::int[])`;

/**
 * One for all consumers of a process, twice a second: the highest number, who has something to handle again, and how many
 * processes live. $1 class of the locks that they are known to live by.
 */
export const HEARTBEAT = `
  SELECT (SELECT coalesce(max(seq), 0) FROM bus.message) AS head,
         ARRAY(SELECT consumer FROM bus.dead_letter WHERE state = 'redrive'
               UNION SELECT name FROM bus.consumer WHERE rewind_to IS NOT NULL) AS redrives,
         (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND classid = $1::int::oid
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS processes`;

/** On the pool. $1 consumer, $2 types, $3 number of buckets. */
export const LAG = `
  SELECT (
    SELECT count(*) FROM (
      SELECT FROM generate_series(0, $3::int - 1) b
      LEFT JOIN bus.consumer c ON c.name = $1 AND c.bucket = b
      JOIN bus.message m ON m.bucket = b AND m.seq > coalesce(c.position, 0) AND m.type = ANY ($2::text[])
      LIMIT 100000
    ) ahead
  ) + (SELECT count(*) FROM bus.dead_letter WHERE consumer = $1 AND state IN ('redrive', 'redriving')) AS lag`;
