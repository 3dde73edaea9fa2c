import { Metadata, Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { BadRequest, ErrorInfo, RequestInfo, RetryInfo } from '@weft/gen/grpc/google/rpc/error_details';
import { Status } from '@weft/gen/grpc/google/rpc/status';
import { GetStockRequest, InventoryServiceService, SetStockRequest } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { DomainError, type FailureKind, InvalidArgument } from '@weft/kit/failure';
import { RemoteError } from '@weft/kit/rpc';
import { remoteErrorOf } from '../../src/rpc/errors.ts';
import { contractWith } from './contract-with.ts';
import { rawClient } from './raw-call.ts';
import { stage } from './stage.ts';

const { serveOne, client, after } = stage();
const open = { roles: [1] };
const contract = contractWith(InventoryService, { GetStock: open, SetStock: open });
const { path } = InventoryServiceService.getStock;
const SECRET = 'sesame-5f1c';

/** What a caller sees of a call whose handler throws. */
async function thrown(failure: unknown) {
  const served = await serveOne(InventoryServiceService, contract, {
    getStock: async () => {
      throw failure;
    },
    setStock: async () => ({ stock: undefined }),
  });
  const raw = rawClient(served.target);
  after(() => raw.close());
  const call = async (
    method: string = path,
    request: Uint8Array = GetStockRequest.encode({ stockCode: 'A' }).finish(),
  ) => {
    const { error } = await raw.unary(method, request, { 'x-correlation-id': 'call-1' });
    if (!error) throw new Error('the call succeeded');
    return { error, details: detailsOf(error) };
  };
  return { ...served, call, ...(await call()) };
}

function detailsOf(error: ServiceError) {
  const [encoded] = error.metadata.get('grpc-status-details-bin');
  const found: Record<string, unknown> = {};
  const { code, message, details } = Status.decode(encoded as Buffer);
  const codecs = { ErrorInfo, RequestInfo, BadRequest, RetryInfo };
  for (const { typeUrl, value } of details) {
    const name = typeUrl.replace('type.googleapis.com/google.rpc.', '') as keyof typeof codecs;
    found[name] = codecs[name].decode(value);
  }
  expect({ code, message }).toEqual({ code: error.code, message: error.details });
  return found;
}

describe('a foreseen failure', () => {
  it.each<[FailureKind, string, number | undefined]>([
    ['invalid-argument', 'INVALID_ARGUMENT', undefined],
    ['not-found', 'NOT_FOUND', undefined],
    ['already-exists', 'ALREADY_EXISTS', undefined],
    ['failed-precondition', 'FAILED_PRECONDITION', undefined],
    ['permission-denied', 'PERMISSION_DENIED', undefined],
    ['unauthenticated', 'UNAUTHENTICATED', undefined],
    ['aborted', 'ABORTED', 100],
    ['unavailable', 'UNAVAILABLE', 500],
    ['resource-exhausted', 'RESOURCE_EXHAUSTED', 1000],
  ])('of kind %s is answered with %s, its reason and when to try again', async (kind, code, retryMs) => {
    const failure = new DomainError(kind, 'OUT_OF_STOCK', 'there is not enough', { stock_code: 'A' });
    const { error, details, logs } = await thrown(failure);
    expect(status[error.code]).toBe(code);
    expect(error.details).toBe('there is not enough');
    expect(details).toMatchObject({
      ErrorInfo: { reason: 'OUT_OF_STOCK', domain: 'test.weft', metadata: { stock_code: 'A' } },
      RequestInfo: { requestId: 'call-1', servingData: '' },
    });
    const nanos = retryMs === undefined ? undefined : (retryMs % 1000) * 1e6;
    const delay = retryMs && { seconds: BigInt(Math.floor(retryMs / 1000)), nanos };
    expect(details.RetryInfo).toEqual(delay && expect.objectContaining({ retryDelay: expect.objectContaining(delay) }));
    expect(logs()).toEqual([expect.objectContaining({ level: 'info', code, reason: 'OUT_OF_STOCK', msg: 'call' })]);
  });

  it('that knows when to try again says so, also when another service passes it on', async () => {
    const known = new DomainError('resource-exhausted', 'LOCKED', 'locked', {}, 29.25);
    const { error, details } = await thrown(known);
    expect(details.RetryInfo).toMatchObject({ retryDelay: { seconds: 29n, nanos: 250_000_000 } });
    const remote = remoteErrorOf(error);
    expect(remote.retryAfter).toBe(29.25);
    const passed = await thrown(remote);
    expect(passed.details.RetryInfo).toEqual(details.RetryInfo);
  });

  it('of the request names each field and the rule that it breaks', async () => {
    const failure = new InvalidArgument([
      { field: 'lines[0].quantity', rule: 'int64.gte', description: 'must be more' },
    ]);
    const { details } = await thrown(failure);
    const violation = { field: 'lines[0].quantity', reason: 'INT64_GTE', description: 'must be more' };
    expect(details.BadRequest).toMatchObject({ fieldViolations: [violation] });
  });

  it('against the contract’s rules never reaches the handler', async () => {
    const { call } = await thrown(new Error('not to be called'));
    const request = SetStockRequest.encode({ stockCode: '', onHand: -1n }).finish();
    const { error, details } = await call(InventoryServiceService.setStock.path, request);
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    const fieldViolations = [
      { field: 'stock_code', reason: 'STRING_PATTERN' },
      { field: 'on_hand', reason: 'INT64_GTE_LTE' },
    ];
    expect(details.BadRequest).toMatchObject({ fieldViolations });
  });

  it('is told with a text that can be sent, whatever is in it', async () => {
    const { error } = await thrown(
      new DomainError('not-found', 'NOT_FOUND', `half a pair: \ud83d, ${'x'.repeat(5000)}`),
    );
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: `half a pair: \ufffd, ${'x'.repeat(984)}` });
  });

  it('of another service is passed on as what it is', async () => {
    const remote = new RemoteError(status.NOT_FOUND, 'PRODUCT_NOT_FOUND', 'there is none', { product_id: 'A' });
    const { error, details } = await thrown(remote);
    expect(error.code).toBe(status.NOT_FOUND);
    expect(details.ErrorInfo).toMatchObject({ reason: 'PRODUCT_NOT_FOUND', metadata: { product_id: 'A' } });
  });

  it.each([status.UNAVAILABLE, status.DEADLINE_EXCEEDED])(
    'that a transport tells of (%s) names no addresses',
    async (code) => {
      const { error } = await thrown(new RemoteError(code, status[code] as string, `no answer from ${SECRET}`));
      expect(error.code).toBe(code);
      expect(error.details).not.toContain(SECRET);
    },
  );

  it('that says that the caller’s token expired on its way is passed on', async () => {
    const { error, details } = await thrown(new RemoteError(status.UNAUTHENTICATED, 'TOKEN_EXPIRED', 'expired'));
    expect(error.code).toBe(status.UNAUTHENTICATED);
    expect(details.ErrorInfo).toMatchObject({ reason: 'TOKEN_EXPIRED' });
  });
});

describe('an unforeseen failure', () => {
  it('is answered with INTERNAL, says nothing of itself, and is logged with its stack', async () => {
    const { error, details, lines, logs } = await thrown(new TypeError(`cannot read ${SECRET}`));
    expect(error.code).toBe(status.INTERNAL);
    expect(error.details).toBe('internal error');
    expect(details).toMatchObject({
      ErrorInfo: { reason: 'INTERNAL', metadata: {} },
      RequestInfo: { requestId: 'call-1' },
    });
    expect(JSON.stringify([error, error.metadata.toJSON(), details])).not.toContain(SECRET);
    expect(logs()).toEqual([expect.objectContaining({ level: 'error', code: 'INTERNAL', msg: 'call failed' })]);
    expect(lines[0]).toContain('errors.test.ts');
    expect(logs()[0]?.err).toMatchObject({ message: `cannot read ${SECRET}` });
  });

  it.each([
    ['a text', SECRET],
    ['an object', { SECRET }],
    ['nothing', undefined],
    ['null', null],
  ])('may be %s that is thrown', async (_, failure) => {
    const { error } = await thrown(failure);
    expect(error).toMatchObject({ code: status.INTERNAL, details: 'internal error' });
    expect(JSON.stringify([error, error.metadata.toJSON()])).not.toContain(SECRET);
  });

  it.each([
    ['another service’s complaint about our request', new RemoteError(status.INVALID_ARGUMENT, 'BAD', SECRET)],
    ['another service’s refusal of us', new RemoteError(status.PERMISSION_DENIED, 'NOT_ALLOWED', SECRET)],
    ['another service’s own failure', new RemoteError(status.INTERNAL, 'INTERNAL', SECRET)],
    ['an answer of another protocol', new RemoteError(status.UNIMPLEMENTED, 'UNIMPLEMENTED', SECRET)],
  ])('may be %s', async (_, failure) => {
    const { error, logs } = await thrown(failure);
    expect(error).toMatchObject({ code: status.INTERNAL, details: 'internal error' });
    expect(logs()[0]).toMatchObject({ level: 'error', code: 'INTERNAL' });
  });

  it('may be a response that cannot be encoded', async () => {
    const served = await serveOne(InventoryServiceService, contract, {
      getStock: async () => ({ stock: { stockCode: 'A', onHand: 2n ** 70n } as never }),
    });
    const inventory = client(InventoryServiceService, contract, { target: served.target });
    await expect(inventory.getStock({ stockCode: 'A' })).rejects.toMatchObject({
      code: status.INTERNAL,
      reason: 'INTERNAL',
      message: 'internal error',
    });
    expect(served.logs()[0]).toMatchObject({ level: 'error', code: 'INTERNAL' });
  });

  it('in an observer does not change what the caller hears', async () => {
    const observers = [
      () => {
        throw new Error(SECRET);
      },
    ];
    const handlers = { getStock: async () => ({ stock: undefined }) };
    const { target } = await serveOne(InventoryServiceService, contract, handlers, { observers });
    const inventory = client(InventoryServiceService, contract, { target });
    expect(await inventory.getStock({ stockCode: 'A' })).toMatchObject({ stock: undefined });
  });
});

describe('a client', () => {
  it('is told the code, reason, metadata and violations of an error', async () => {
    const { target } = await serveOne(InventoryServiceService, contract, {
      getStock: async () => {
        throw new DomainError('not-found', 'STOCK_NOT_FOUND', 'there is none', { stock_code: 'A' });
      },
    });
    const inventory = client(InventoryServiceService, contract, { target });
    const metadata = { stock_code: 'A' };
    await expect(inventory.getStock({ stockCode: 'A' })).rejects.toMatchObject({
      name: 'RemoteError',
      code: status.NOT_FOUND,
      reason: 'STOCK_NOT_FOUND',
      message: 'there is none',
      metadata,
    });
    const violations = [{ field: 'stock_code', rule: 'STRING_PATTERN', description: expect.any(String) }];
    await expect(inventory.getStock({ stockCode: '' })).rejects.toMatchObject({
      reason: 'INVALID_ARGUMENT',
      violations,
    });
  });

  it('is told the code alone by a server that is none of ours', async () => {
    const server = new Server();
    server.addService(InventoryServiceService, {
      getStock: (_: unknown, callback: (error: object) => void) => {
        const metadata = new Metadata();
        const details = [{ typeUrl: 'x/google.rpc.ErrorInfo', value: Buffer.from([0xff, 0xff, 0xff]) }];
        const garbage = Status.encode({ code: 5, message: '', details }).finish();
        metadata.set('grpc-status-details-bin', Buffer.from(garbage));
        callback({ code: status.NOT_FOUND, details: 'no', metadata });
      },
    } as never);
    const port = await new Promise((resolve) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) => resolve(bound)),
    );
    after(() => server.forceShutdown());
    const inventory = client(InventoryServiceService, contract, { target: `127.0.0.1:${port}` });
    await expect(inventory.getStock({ stockCode: 'A' })).rejects.toMatchObject({
      name: 'RemoteError',
      code: status.NOT_FOUND,
      reason: 'NOT_FOUND',
    });
  });

  it('is told UNAVAILABLE when nobody listens', async () => {
    const inventory = client(InventoryServiceService, contract, { target: '127.0.0.1:9' });
    await expect(inventory.getStock({ stockCode: 'A' })).rejects.toMatchObject({ reason: 'UNAVAILABLE' });
  });

  it('understands a code that does not exist yet', () => {
    const error = { code: 99, details: '', metadata: new Metadata() } as unknown as ServiceError;
    expect(remoteErrorOf(error)).toMatchObject({ code: 99, reason: 'UNKNOWN' });
  });
});
