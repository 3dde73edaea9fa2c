import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { connectNodeAdapter, createConnectTransport } from '@connectrpc/connect-node';
import { expect } from '@jest/globals';
import { ErrorInfoSchema, RetryInfoSchema } from '@weft/gen/es/google/rpc/error_details_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { WeftError } from '../src/index.ts';

/** What a call throws; fails when it throws nothing, or something else than a WeftError. */
export const failure = async (call: Promise<unknown>): Promise<WeftError> => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(WeftError);
  return error as WeftError;
};

/** @param retryAfter seconds */
export const refusal = (code: Code, reason: string, metadata: Record<string, string> = {}, retryAfter?: number) =>
  new ConnectError('refused', code, undefined, [
    { desc: ErrorInfoSchema, value: { reason, domain: 'weft', metadata } },
    ...(retryAfter === undefined
      ? []
      : [{ desc: RetryInfoSchema, value: { retryDelay: durationFromMs(retryAfter * 1000) } }]),
  ]);

export const AWAY = () => refusal(Code.Unavailable, 'UNAVAILABLE');
export const CREDENTIALS = { email: 'ada@shop.example', password: 'correct horse' };

const MINUTE = 60_000;

/** A server of Connect whose answers a test decides on; sessions are as the contract says. */
export async function standIn() {
  const seen = { keys: [] as string[], tokens: [] as (string | null)[], timeouts: [] as number[], exchanges: 0 };
  const failures: ConnectError[] = [];
  let generation = 1;
  let accepted = 'access-1';
  let validFor = 15 * MINUTE;
  let exchange: () => void | Promise<void> = () => undefined;

  const tokens = () => ({
    accessToken: accepted,
    expireTime: timestampFromMs(Date.now() + validFor),
    refreshToken: `refresh-${generation}`,
    user: { userId: 'u-1' },
  });
  const arrive = ({ requestHeader, timeoutMs }: HandlerContext, idempotencyKey = '') => {
    seen.tokens.push(requestHeader.get('authorization'));
    seen.keys.push(idempotencyKey);
    seen.timeouts.push(timeoutMs() ?? 0);
    const failure = failures.shift();
    if (failure) throw failure;
  };
  const signedIn = ({ requestHeader }: HandlerContext) => {
    if (requestHeader.get('authorization') !== `Bearer ${accepted}`)
      throw refusal(Code.Unauthenticated, 'TOKEN_EXPIRED');
  };
  const routes = ({ service }: ConnectRouter) => {
    service(UsersService, {
      login: (_, context) => {
        arrive(context);
        return tokens();
      },
      logout: (request, context) => arrive(context, request.refreshToken) ?? {},
      register: (_, context) => {
        arrive(context);
        return {};
      },
      async refreshToken({ refreshToken, idempotencyKey }, context) {
        arrive(context, idempotencyKey);
        seen.exchanges++;
        await exchange();
        if (refreshToken !== `refresh-${generation}`) throw refusal(Code.Unauthenticated, 'REFRESH_TOKEN_INVALID');
        generation++;
        accepted = `access-${generation}`;
        return tokens();
      },
    });
    service(OrdersService, {
      placeOrder: (request, context) => {
        arrive(context, request.idempotencyKey);
        signedIn(context);
        return { order: { orderId: 'o-1' } };
      },
      async *watchOrder(_, context) {
        signedIn(context);
        yield { orderId: 'o-1' } as never;
        throw refusal(Code.NotFound, 'ORDER_NOT_FOUND');
      },
    });
  };
  const server = createServer(connectNodeAdapter({ routes })).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    baseUrl,
    transport: createConnectTransport({ baseUrl, httpVersion: '1.1' }),
    seen,
    fail: (...next: ConnectError[]) => failures.push(...next),
    /** What was accepted so far is not any longer. */
    expire: () => {
      accepted = 'none';
    },
    /** Of tokens given from now on; milliseconds. */
    validFor: (ms: number) => {
      validFor = ms;
    },
    beforeExchange: (work: () => void | Promise<void>) => {
      exchange = work;
    },
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
