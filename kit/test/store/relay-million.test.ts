import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BUCKETS, bucketOf } from '../../src/store/hash.ts';
import { type OutgoingEvent, startRelay } from '../../src/store/index.ts';
import { connectionConfig } from '../../src/store/pool.ts';
import { BATCH, TAKE, TAKE_OF_ALL } from '../../src/store/relay-statements.ts';
import { Session } from '../../src/store/session.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { event, type Fixture, fixture, logger } from './fixture.ts';

interface Plan {
  readonly 'Node Type': string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly 'Actual Rows': number;
  readonly Plans?: readonly Plan[];
}

const MILLION = 1_000_000;
const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
const every = (step: number) => Array.from({ length: BUCKETS / step }, (_, index) => index * step);

/** A million events whose buckets are what the expression says of their number. */
const fill = (on: Fixture, bucket: string) =>
  on.server.query(
    `INSERT INTO outbox (bucket, message_id, type, subject, key, headers, payload)
     SELECT ${bucket}, gen_random_uuid(), 'weft.test.v1.noted', 'test', number::text, '{}', '\\x0102'
     FROM generate_series(1, ${MILLION}) number`,
  );

describe.each([
  ['spread over the buckets', `hashint4(number) & ${BUCKETS - 1}`],
  ['all but the last of them in one bucket', `CASE WHEN number <= ${MILLION - 2_000} THEN 3 ELSE number % 3 END`],
])('with a million events waiting, %s', (_, bucket) => {
  let on: Fixture;
  let session: Session;
  beforeAll(async () => {
    on = await fixture('million');
    await fill(on, bucket);
    const limits = { maxConnections: 1, statementTimeoutMs: 10_000 };
    const config = connectionConfig({ url: on.server.url, name: 'test', logger, ...limits });
    session = new Session({ config, channels: [], logger });
    session.start();
    await eventually(() => session.connected);
    await session.query(`PREPARE take (bigint[], bigint[], int[]) AS ${TAKE}`);
    await session.query(`PREPARE take_of_all (bigint[], bigint[]) AS ${TAKE_OF_ALL}`);
  }, 120_000);
  afterAll(async () => {
    await session?.stop();
    await on?.close();
  });

  /** How a relay takes the next batch of these buckets: with the plan that serves whatever is asked. */
  async function explain(buckets: readonly number[]) {
    const [row] = await session.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE ${buckets.length === BUCKETS ? "take_of_all ('{}', '{}')" : `take ('{}', '{}', '{${buckets}}')`}`,
    );
    const { Plan: plan } = (row as NonNullable<typeof row>)['QUERY PLAN'][0];
    return {
      nodes: nodesOf(plan),
      rows: plan['Actual Rows'],
      blocks: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
      generic: JSON.stringify(plan).includes('$1'),
    };
  }

  describe.each(['before', 'after'])('%s statistics were made', (when) => {
    beforeAll(async () => {
      if (when === 'after') await on.server.query('ANALYZE outbox');
    });

    it.each([
      ['all buckets', every(1)],
      ['half of the buckets, as of two relays', every(2)],
      ['one bucket', [0]],
    ])('a batch of %s is read by an index, and not by looking through what is not in it', async (_, buckets) => {
      const { nodes, rows, blocks, generic } = await explain(buckets);
      expect(rows).toBe(BATCH);
      expect(generic).toBe(true);
      const types = nodes.map((node) => node['Node Type']);
      expect(types.filter((type) => type === 'Seq Scan' || type.startsWith('Bitmap'))).toEqual([]);
      expect(blocks).toBeLessThan(1_500);
    });
  });
});

it('a relay takes its batches as fast from behind a million events as from an empty outbox', async () => {
  const on = await fixture('pace');
  const events = Array.from({ length: 80 * BATCH }, (_, n) => event(`key-${n % 500}`, n & 0xffff));
  const save = async () => {
    for (let from = 0; from < events.length; from += 2_000)
      await on.db.transaction(async (tx) =>
        tx.publish(...events.slice(from, from + 2_000).map((one) => ({ ...one, id: event('').id }))),
      );
  };
  /** Milliseconds from one batch to the next, at the median. */
  const pace = async () => {
    const times: number[] = [];
    const bus = {
      async publish(_: readonly OutgoingEvent[]) {
        times.push(performance.now());
      },
    };
    const relay = startRelay({ db: on.db, bus, logger });
    await eventually(() => times.length >= 60, 120_000);
    await relay.stop(1_000);
    const gaps = times.slice(0, 60).map((time, index) => time - (times[index - 1] ?? time));
    return gaps.sort((a, b) => a - b)[30] ?? 0;
  };
  try {
    await save();
    await pace();
    await on.server.query('TRUNCATE outbox');
    await save();
    const empty = await pace();
    await on.server.query('TRUNCATE outbox');
    await fill(on, `${bucketOf('key-0')}`);
    await save();
    const behind = await pace();
    expect(behind / empty).toBeLessThan(3);
  } finally {
    await on.close();
  }
}, 400_000);
