import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { OrdersServiceService, WatchOrderResponse } from '@weft/gen/grpc/weft/orders/v1/orders';
import { contextFromHeaders, contextHeaders, currentContext, eventHeaders, runInContext } from '@weft/kit/context';
import { DomainError } from '@weft/kit/failure';
import { type CallContext, callSpans } from '@weft/kit/rpc';
import { contractWith } from './contract-with.ts';
import { type RecordedSpan, recordingTracing, stage } from './stage.ts';

const { serveOne, client, after } = stage();
const open = { roles: [1] };
const contract = contractWith(InventoryService, { GetStock: open, BatchGetStock: open });
const NEW_ID = /^[0-9a-f]{32}$/;
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

/** A method that calls another one, what their handlers were told, and a client that may send any header. */
async function chain() {
  const told: CallContext[] = [];
  const served = await serveOne(InventoryServiceService, contract, {
    batchGetStock: async ({ stockCodes }, call) => {
      told.push(call);
      const observers = [callSpans(served.tracing)];
      const { target, tracing } = served;
      const nested = client(InventoryServiceService, contract, { target, tracing, observers });
      await nested.getStock({ stockCode: stockCodes[0] ?? '' });
      return { stocks: [] };
    },
    getStock: async ({ stockCode }, call) => {
      told.push(call);
      expect(currentContext()).toBe(call);
      if (stockCode === 'BREAK') throw new Error('nobody foresaw it');
      if (stockCode === 'FAIL') throw new DomainError('not-found', 'STOCK_NOT_FOUND', 'there is none');
      return { stock: undefined };
    },
  });
  const raw = new Client(served.target, credentials.createInsecure());
  after(() => raw.close());
  /** Gives what the call ended with, undefined when that was a response. */
  const call = (headers: Readonly<Record<string, string | string[]>>, stockCode = 'A') => {
    const metadata = new Metadata();
    for (const [name, values] of Object.entries(headers)) for (const one of [values].flat()) metadata.add(name, one);
    const { path, requestSerialize, responseDeserialize } = InventoryServiceService.batchGetStock;
    return new Promise<ServiceError | undefined>((resolve) => {
      const request = { stockCodes: [stockCode] };
      raw.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, (error) =>
        resolve(error ?? undefined),
      );
    });
  };
  return { ...served, told, call };
}

describe('a correlation id', () => {
  it.each([
    '0198f0a0-0000-7000-8000-000000000001',
    '41111111-1111-1111-1111-111111111111',
    'placing-40000566-5566-5556-8000-000000000001',
    '0af7651916cd43dd8448eb211c80319c',
    'b7ad6b7169203331',
    'req_20261129T191539.123',
  ])('%s is taken as it came', async (id) => {
    const { told, call } = await chain();
    await call({ 'x-correlation-id': id });
    expect(told[0]?.correlationId).toBe(id);
  });

  it('goes with a call to every service and into their logs, and comes back with an error', async () => {
    const { told, call, logs } = await chain();
    const error = await call({ 'x-correlation-id': 'checkout-42' }, 'FAIL');
    expect(told.map(({ correlationId }) => correlationId)).toEqual(['checkout-42', 'checkout-42']);
    expect(logs().map(({ correlationId }) => correlationId)).toEqual(['checkout-42', 'checkout-42']);
    expect(error?.metadata.get('x-correlation-id')).toEqual(['checkout-42']);
  });

  it.each([
    ['is absent', {}],
    ['has other characters', { 'x-correlation-id': 'a b' }],
    ['is too long', { 'x-correlation-id': 'a'.repeat(65) }],
    ['is empty', { 'x-correlation-id': '' }],
    ['comes twice', { 'x-correlation-id': ['a', 'b'] }],
    ['tries to add a field to the log', { 'x-correlation-id': 'a","code":"OK' }],
    ['holds a card number', { 'x-correlation-id': '4000056655665556' }],
    ['holds a card number in groups', { 'x-correlation-id': 'order-4000-0566-5566-5556' }],
    ['hides a card number between letters', { 'x-correlation-id': 'card4000056655665556x' }],
    ['is an address of mail', { 'x-correlation-id': 'alice@people.example' }],
  ])('is replaced by a new one when it %s', async (_, headers) => {
    const { told, call } = await chain();
    await call(headers);
    expect(told[0]?.correlationId).toMatch(NEW_ID);
    expect(told[1]?.correlationId).toBe(told[0]?.correlationId);
  });
});

describe('a trace', () => {
  it('goes on from its caller, each service below the one that called', async () => {
    const { told, call } = await chain();
    await call({ traceparent: TRACEPARENT });
    expect(told[0]?.trace).toMatchObject({ traceId: TRACE, parentSpanId: SPAN, sampled: true });
    expect(told[1]?.trace).toMatchObject({ traceId: TRACE, sampled: true });
    expect(told[1]?.trace.parentSpanId).not.toBe(told[0]?.trace.spanId);
  });

  it('has what others say of it go on with calls, unless it is too long or holds a card number', async () => {
    const { told, call } = await chain();
    const states = ['vendor=abc,other=1', 'v='.padEnd(600, 'x'), 'v=4000 0566 5566 5556'];
    for (const tracestate of states) await call({ traceparent: TRACEPARENT, tracestate });
    const state = 'vendor=abc,other=1';
    expect(told.map(({ trace }) => trace.state)).toEqual([state, state, ...Array(4).fill(undefined)]);
  });

  it('is recorded as a server’s span, its client’s span below it, and the next server’s below that', async () => {
    const { call, spans } = await chain();
    await call({ traceparent: TRACEPARENT }, 'FAIL');
    const byKind = (kind: SpanKind, method: string) =>
      spans.find((span) => span.kind === kind && span.name.endsWith(`/${method}`)) as RecordedSpan;
    const outer = byKind(SpanKind.SERVER, 'BatchGetStock');
    const between = byKind(SpanKind.CLIENT, 'GetStock');
    const inner = byKind(SpanKind.SERVER, 'GetStock');
    expect(spans).toHaveLength(3);
    expect(spans.map((span) => span.spanContext().traceId)).toEqual([TRACE, TRACE, TRACE]);
    expect(outer.parentSpanContext?.spanId).toBe(SPAN);
    expect(between.parentSpanContext?.spanId).toBe(outer.spanContext().spanId);
    expect(inner.parentSpanContext?.spanId).toBe(between.spanContext().spanId);
    expect(spans.map((span) => span.attributes['rpc.response.status_code'])).toEqual(Array(3).fill('NOT_FOUND'));
    expect(spans.map((span) => span.attributes['weft.reason'])).toEqual(Array(3).fill('STOCK_NOT_FOUND'));
    // What is refused is no error of the service that refuses it, and one to who called.
    expect([outer, between, inner].map((span) => span.attributes['error.type'])).toEqual([
      undefined,
      'NOT_FOUND',
      undefined,
    ]);
    expect([outer, between, inner].map((span) => span.status.message)).toEqual([
      undefined,
      'STOCK_NOT_FOUND',
      undefined,
    ]);
  });

  it('has an error wherever a call failed that ought not to', async () => {
    const { call, spans } = await chain();
    await call({ traceparent: TRACEPARENT }, 'BREAK');
    expect(spans.map((span) => span.status)).toEqual(
      Array(3).fill({ code: SpanStatusCode.ERROR, message: 'INTERNAL' }),
    );
  });

  it('that its caller does not sample is passed on and not recorded', async () => {
    const { told, call, spans } = await chain();
    await call({ traceparent: `00-${TRACE}-${SPAN}-00` });
    expect(told[1]?.trace).toMatchObject({ traceId: TRACE, sampled: false });
    expect(spans).toEqual([]);
  });

  it.each([
    ['absent', {}],
    ['malformed', { traceparent: `00-${TRACE}-${SPAN}` }],
    ['all zero', { traceparent: `00-${'0'.repeat(32)}-${SPAN}-01` }],
    ['of an impossible version', { traceparent: `ff-${TRACE}-${SPAN}-01` }],
    ['there twice', { traceparent: [TRACEPARENT, TRACEPARENT] }],
  ])('begins anew when its header is %s', async (_, headers) => {
    const { told, call } = await chain();
    await call(headers);
    expect(told[0]?.trace.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(told[0]?.trace.traceId).not.toBe(TRACE);
    expect(told[0]?.trace.parentSpanId).toBeUndefined();
    expect(told[1]?.trace.traceId).toBe(told[0]?.trace.traceId);
  });
});

describe('work that is done later', () => {
  const { tracing } = recordingTracing();
  const asked = { correlationId: 'order-7', trace: tracing.start(), deadline: Date.now() + 1000, token: 'secret' };

  it('knows who asked for it, and has neither their deadline nor their token', () => {
    const headers = runInContext(asked, () => contextHeaders());
    expect(JSON.stringify(headers)).not.toContain('secret');
    const later = contextFromHeaders(headers, tracing.start);
    expect(later).toEqual({
      correlationId: 'order-7',
      deadline: Number.POSITIVE_INFINITY,
      trace: { ...asked.trace, spanId: expect.stringMatching(/^[0-9a-f]{16}$/), parentSpanId: asked.trace.spanId },
    });
    expect(later.trace.spanId).not.toBe(asked.trace.spanId);
  });

  it('is not of the try that asked for it, which only the events of that try name', () => {
    const [event, stored] = runInContext({ ...asked, attempt: 3 }, () => [eventHeaders(), contextHeaders()]);
    expect(event).toEqual({ ...stored, 'weft-attempt': '3' });
    expect(contextFromHeaders(event, tracing.start).attempt).toBeUndefined();
    expect(runInContext(asked, () => eventHeaders())).not.toHaveProperty('weft-attempt');
  });

  it('begins anew when nobody asked for it, or the headers are broken', () => {
    expect(contextHeaders()).toEqual({});
    const later = contextFromHeaders({ traceparent: 'x', 'correlation-id': 'a b' }, tracing.start);
    expect(later.correlationId).toMatch(NEW_ID);
    expect(later.trace.parentSpanId).toBeUndefined();
  });
});

describe('the handler of a stream', () => {
  it('works in the context of its call, to its end', async () => {
    const seen: unknown[] = [];
    const watch = { roles: [1] };
    const served = await serveOne(OrdersServiceService, contractWith(OrdersService, { WatchOrder: watch }), {
      watchOrder: async function* (_, call) {
        for (let version = 1n; version <= 3n; version++) {
          seen.push(currentContext()?.correlationId === call.correlationId);
          yield WatchOrderResponse.fromPartial({ version });
          await new Promise(setImmediate);
        }
      },
    });
    const orders = client(OrdersServiceService, OrdersService, { target: served.target });
    const orderId = '11111111-1111-4111-8111-111111111111';
    for await (const _ of orders.watchOrder({ orderId, resumeToken: '' }));
    expect(seen).toEqual([true, true, true]);
  });
});
