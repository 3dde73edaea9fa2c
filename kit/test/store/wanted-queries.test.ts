import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { contextHeaders, ORDER_HEADER, runInContext } from '@weft/kit/context';
import { databaseSpans, newTrace, parseTraceparent } from '@weft/kit/telemetry';
import { sql } from 'kysely';
import { type Database, openDatabase, startRelay } from '../../src/store/index.ts';
import { recordingTracing } from '../rpc/stage.ts';
import { event, type Fixture, fixture, logger, type Schema } from './fixture.ts';

// A trace that nobody sampled, of which a call turns out to be slow after its queries have ended.
const { tracing, spans } = recordingTracing('shop', 0);
let store: Fixture;
let db: Database<Schema>;
beforeAll(async () => {
  store = await fixture('wanted_queries');
  db = openDatabase<Schema>({
    url: store.server.url,
    name: 'shop',
    logger,
    spans: databaseSpans(tracing, 'shop', store.server.url),
  });
});
afterAll(async () => {
  await db?.close();
  await store?.close();
});

const work = () => {
  const trace = newTrace(false);
  const isRecorded = () => tracing.records(trace);
  return { correlationId: randomUUID(), trace, deadline: Number.POSITIVE_INFINITY, isRecorded };
};

it('its slow query and what it has sent are recorded once it is wanted, and name the request and the order', async () => {
  const orderId = randomUUID();
  const context = work();
  await runInContext(context, async () => {
    await sql`SELECT pg_sleep(0.05) FROM thing_that FOR UPDATE`.execute(db.read).catch(() => {});
    await db.transaction(async (tx) => {
      await tx.sql.selectFrom('thing').selectAll().execute();
      tx.publish({ ...event('a'), headers: { ...contextHeaders(), [ORDER_HEADER]: orderId } });
    });
  });
  await runInContext(work(), () => db.read.selectFrom('thing').selectAll().execute());
  expect(spans).toEqual([]);
  tracing.want(context.trace, 'failure');
  const told = spans.map(({ name, attributes }) => ({ name, attributes }));
  const undefinedTable = { 'error.type': '42P01', 'db.response.status_code': '42P01' };
  const both = { 'weft.correlation_id': context.correlationId };
  expect(told).toEqual([
    { name: 'SELECT thing_that', attributes: expect.objectContaining({ ...both, ...undefinedTable }) },
    { name: 'SELECT thing', attributes: expect.objectContaining(both) },
    { name: 'INSERT outbox', attributes: expect.objectContaining(both) },
    {
      name: 'send weft.test.v1.thing_changed',
      attributes: expect.objectContaining({ ...both, 'weft.order.id': orderId }),
    },
  ]);
  expect(new Set(spans.map((span) => span.spanContext().traceId))).toEqual(new Set([context.trace.traceId]));
  expect(spans.map((span) => span.parentSpanContext?.spanId)).toEqual(Array(4).fill(context.trace.spanId));
});

it('who hears of it by an event is told that it is recorded', async () => {
  const context = work();
  tracing.want(context.trace, 'failure');
  const sent: (boolean | undefined)[] = [];
  const bus = {
    publish: async (events: readonly { headers: Readonly<Record<string, string>> }[]) => {
      for (const { headers } of events) sent.push(parseTraceparent(headers.traceparent)?.sampled);
    },
  };
  const headers = runInContext(context, () => contextHeaders());
  expect(parseTraceparent(headers.traceparent)?.sampled).toBe(true);
  await runInContext(context, () => db.transaction(async (tx) => tx.publish({ ...event('b'), headers })));
  const relay = startRelay({ db, bus: bus as never, logger });
  try {
    while ((await relay.backlog()) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  } finally {
    await relay.stop(1000);
  }
  expect(sent.at(-1)).toBe(true);
});
