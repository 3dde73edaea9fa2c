// All of these run on the session that holds the locks of the buckets they concern, except those said to run elsewhere.

/** How many messages of a bucket are looked at for those of the wanted types. */
export const WINDOW = 1_000;

/**
 * $1 consumer, $2 bucket, $3 types. What is new to a bucket that is there has it go back to the first message of that, or to where it is:
 * whoever has the bucket may step over what comes until it hears of it.
 */
export const REGISTER = `
  INSERT INTO bus.consumer AS c (name, bucket, types) VALUES ($1, $2, $3::text[])
  ON CONFLICT (name, bucket) DO UPDATE SET
    types = ARRAY(SELECT DISTINCT type FROM unnest(c.types || excluded.types) type ORDER BY type),
    rewind_to = CASE WHEN c.types IS NULL THEN c.rewind_to ELSE least(c.rewind_to, coalesce(
      (SELECT m.seq - 1 FROM bus.message m
       WHERE m.bucket = c.bucket AND m.type = ANY (excluded.types) AND m.type <> ALL (c.types) ORDER BY m.seq LIMIT 1),
      least(c.position, c.covered, (SELECT coalesce(max(seq), 0) FROM bus.message))
    )) END
  WHERE c.types IS NULL OR NOT c.types @> excluded.types`;

/** $1 consumer, $2 types. Those that other versions of the consumer have besides. */
export const OTHERS = `
  SELECT DISTINCT type FROM bus.consumer, unnest(types) type WHERE name = $1 AND type <> ALL ($2::text[])`;

/** The bucket is given no more of a type, until somebody registers it again. */
export const WITHDRAW = `
  UPDATE bus.consumer SET types = array_remove(types, $3) WHERE name = $1 AND bucket = $2 RETURNING types`;

/**
 * $1 consumer, $2 bucket, $3 this process, $4 class of the locks that processes are known to live by. Something was in hand
 * when `batch_size` is not 0: then `alive` tells whether the process that had it has outlived it.
 */
export const LOAD = `
  SELECT least(position, covered) AS position, types, batch_end,
         CASE WHEN covered < position THEN 0 ELSE deliveries END AS deliveries,
         CASE WHEN covered < position THEN 0 ELSE batch_size END AS batch_size,
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
 * What many lanes ask for at a moment, a row each: $1 consumers, $2 buckets, $3 after, $4 types of each, separated by spaces,
 * $5 limits, $6 deliveries to note, $7 ends of cautious stretches, $8 whether `after` is to be written down though nothing
 * follows, $9 this process. Notes the delivery before anybody sees the messages. One row without a message for a lane that
 * has none: how far was looked, and whether there may be more behind.
 */
export const FETCH = `
  WITH asked AS MATERIALIZED (
    SELECT name, bucket, after, string_to_array(types, ' ') AS types, most, deliveries, cautious_until, save, place
    FROM unnest($1::text[], $2::int[], $3::bigint[], $4::text[], $5::int[], $6::int[], $7::bigint[], $8::boolean[])
      WITH ORDINALITY a(name, bucket, after, types, most, deliveries, cautious_until, save, place)
  ), found AS MATERIALIZED (
    SELECT * FROM asked CROSS JOIN LATERAL (
      SELECT count(*) AS looked_at, max(seq) AS last_seen, (array_agg(seq ORDER BY seq) FILTER (WHERE wanted))[1:asked.most] AS picked
      FROM (
        SELECT seq, type = ANY (asked.types) AS wanted FROM bus.message
        WHERE bucket = asked.bucket AND seq > asked.after ORDER BY seq LIMIT ${WINDOW}
      ) looked_at
    ) looked
  ), noted AS (
    UPDATE bus.consumer c SET position = f.after, covered = f.after, deliveries = CASE WHEN f.picked IS NULL THEN 0 ELSE f.deliveries END,
      noted_by = $9, batch_size = coalesce(cardinality(f.picked), 0), next_attempt_at = NULL,
      batch_end = CASE WHEN cardinality(f.picked) > 1 THEN f.picked[cardinality(f.picked)] ELSE f.cautious_until END
    FROM found f WHERE c.name = f.name AND c.bucket = f.bucket AND (f.picked IS NOT NULL OR f.save)
  )
  SELECT f.place, f.looked_at = ${WINDOW} AS more,
         CASE WHEN f.looked_at = ${WINDOW} THEN f.last_seen ELSE (SELECT coalesce(max(seq), 0) FROM bus.message) END AS scanned,
         m.seq, m.id, m.type, m.subject, m.key, m.headers, m.payload, m.published_at
  FROM found f LEFT JOIN LATERAL (SELECT message.* FROM unnest(f.picked) p JOIN bus.message ON message.seq = p) m ON true
  ORDER BY f.place, m.seq`;

/** Back to where somebody wants the bucket handled from again. */
export const REWIND = `
  UPDATE bus.consumer SET position = least(position, covered, rewind_to), covered = least(position, covered, rewind_to), rewind_to = NULL,
    deliveries = 0, batch_size = 0, next_attempt_at = NULL
  WHERE name = $1 AND bucket = $2 AND rewind_to IS NOT NULL RETURNING position, types`;

/** The next message, without noting a delivery. */
export const PEEK = `
  SELECT seq FROM bus.message WHERE bucket = $1 AND seq > $2 AND type = ANY ($3::text[]) ORDER BY seq LIMIT 1`;

/** $1 consumer, $2 bucket. Of what whoever has the bucket begins with. */
export const NEXT_TYPE = `
  SELECT coalesce(
    (SELECT type FROM bus.dead_letter WHERE consumer = $1 AND bucket = $2 AND state = 'redrive' ORDER BY seq LIMIT 1),
    (SELECT m.type FROM bus.consumer c JOIN bus.message m ON m.bucket = c.bucket AND m.seq > least(c.position, c.covered, c.rewind_to)
       AND m.type = ANY (c.types) WHERE c.name = $1 AND c.bucket = $2 ORDER BY m.seq LIMIT 1)
  ) AS type`;

/** Where no FETCH is to follow at once. */
export const SAVE = `
  UPDATE bus.consumer SET position = $3, covered = $3, deliveries = $4, batch_size = 0, batch_end = $5,
    next_attempt_at = clock_timestamp() + $6 * interval '1 millisecond'
  WHERE name = $1 AND bucket = $2`;

export const SAVE_POSITIONS = `
  UPDATE bus.consumer c SET position = v.position, covered = v.position FROM unnest($2::int[], $3::bigint[]) v(bucket, position)
  WHERE c.name = $1 AND c.bucket = v.bucket AND least(c.position, c.covered) < v.position`;

export const BURY = `
  WITH letter AS (
    INSERT INTO bus.dead_letter AS d (consumer, bucket, seq, id, type, subject, key, headers, payload, published_at, deliveries, error, stack)
    SELECT $1, bucket, seq, id, type, subject, key, headers, payload, published_at, $4::int, $5, $6 FROM bus.message WHERE seq = $3
    ON CONFLICT (consumer, seq) DO UPDATE SET state = 'dead', deliveries = excluded.deliveries, error = excluded.error,
      stack = excluded.stack, failed_at = now()
    RETURNING letter
  ), moved AS (
    UPDATE bus.consumer SET position = $3, covered = $3, deliveries = 0, batch_size = 0, batch_end = $7, next_attempt_at = NULL
    WHERE name = $1 AND bucket = $2
  )
  SELECT letter FROM letter`;

export const TAKE_REDRIVE = `
  UPDATE bus.dead_letter SET state = 'redriving', deliveries = deliveries + 1
  WHERE letter = (SELECT letter FROM bus.dead_letter WHERE consumer = $1 AND bucket = $2 AND state = 'redrive' ORDER BY seq LIMIT 1)
  RETURNING letter, seq, id, type, subject, key, headers, payload, published_at, deliveries, error`;

export const END_REDRIVE = `
  UPDATE bus.dead_letter SET state = $2, deliveries = $3::int, error = coalesce($4, error), stack = coalesce($5, stack),
    failed_at = CASE WHEN $4::text IS NULL THEN failed_at ELSE now() END
  WHERE letter = $1`;

/** The last number of each type in each bucket. $1 after, $2 up to. */
export const LATEST = `
  SELECT bucket, type, max(seq) AS seq FROM bus.message WHERE seq > $1 AND seq <= $2 GROUP BY bucket, type`;

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

/** On the pool. $1 consumer, $2 types, $3 how far each bucket is known to be scanned; 0 where others know. */
export const LAG = `
  SELECT (
    SELECT count(*) FROM (
      SELECT FROM unnest($3::bigint[]) WITH ORDINALITY s(scanned, place)
      LEFT JOIN bus.consumer c ON c.name = $1 AND c.bucket = place - 1
      CROSS JOIN LATERAL (
        SELECT FROM bus.message
        WHERE bucket = place - 1 AND seq > CASE WHEN c.rewind_to IS NULL THEN greatest(least(c.position, c.covered), scanned)
          ELSE least(c.position, c.covered, c.rewind_to) END AND type = ANY ($2::text[]) LIMIT 100000
      ) ahead
      LIMIT 100000
    ) ahead
  ) + (SELECT count(*) FROM bus.dead_letter WHERE consumer = $1 AND state IN ('redrive', 'redriving')) AS lag`;
