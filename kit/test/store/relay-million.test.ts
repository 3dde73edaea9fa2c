import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BUCKETS } from '../../src/store/hash.ts';
import { TAKE } from '../../src/store/relay.ts';
import { type Fixture, fixture } from './fixture.ts';

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

let on: Fixture;
beforeAll(async () => {
  on = await fixture('million');
  await on.server.query(
    `INSERT INTO outbox (bucket, message_id, type, subject, key, headers, payload)
     SELECT hashint4(number) & ${BUCKETS - 1}, gen_random_uuid(), 'weft.test.v1.noted', 'test', number::text, '{}', '\\x0102'
     FROM generate_series(1, ${MILLION}) number`,
  );
}, 120_000);
afterAll(() => on?.close());

/** How the next batch of these buckets is taken. */
async function explain(buckets: readonly number[]) {
  const [row] = await on.server.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
    `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ${TAKE.replace('$1', `'{${buckets}}'`)
      .replaceAll('$2', "'{}'")
      .replace('$3', "'{}'")}`,
  );
  const { Plan: plan } = (row as NonNullable<typeof row>)['QUERY PLAN'][0];
  return {
    nodes: nodesOf(plan),
    rows: plan['Actual Rows'],
    blocks: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
  };
}

describe.each(['before', 'after'])('with a million events waiting, %s statistics were made', (when) => {
  beforeAll(async () => {
    if (when === 'after') await on.server.query('ANALYZE outbox');
  });

  it.each([
    ['all buckets', every(1), 600],
    ['half of the buckets, as of two relays', every(2), 1_200],
    ['one bucket', [0], 20_000],
  ])('a batch of %s is read by an index, and not by looking through the table', async (_, buckets, most) => {
    const { nodes, rows, blocks } = await explain(buckets);
    expect(rows).toBe(256);
    expect(nodes.map((node) => node['Node Type'])).not.toContain('Seq Scan');
    expect(blocks).toBeLessThan(most);
  });
});
