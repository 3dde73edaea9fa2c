import { describe, expect, it } from '@jest/globals';
import { OrderStatus, type WatchOrderResponse } from '@weft/gen/grpc/weft/orders/v1/orders';
import { toTimestamp } from '@weft/kit/time';
import type { Clients } from '../src/system/clients.ts';
import { type FollowOptions, followOrder, orderSource } from '../src/system/follow.ts';
import type { Session } from '../src/system/session.ts';
import { unauthenticated, unavailable } from './failures.ts';

const { ORDER_STATUS_PLACED: PLACED, ORDER_STATUS_COMPLETED: COMPLETED } = OrderStatus;
const TIME = toTimestamp(new Date('2026-01-01T10:00:00Z'));

const change = (status: OrderStatus, version: bigint): WatchOrderResponse => {
  return {
    orderId: 'order-1',
    status,
    reason: '',
    version,
    changeTime: TIME,
    resumeToken: `after-${version}`,
    paymentStatus: 0,
  };
};

type Stream = (signal: AbortSignal) => AsyncGenerator<WatchOrderResponse>;

/** Streams one after the other, and what reading the order gives. */
function ordersService(streams: readonly Stream[], order: { status: OrderStatus; version: bigint; pending?: boolean }) {
  const resumed: string[] = [];
  let reads = 0;
  const orders = {
    watchOrder: ({ resumeToken }: { resumeToken: string }, { signal }: { signal: AbortSignal }) => {
      resumed.push(resumeToken);
      const stream = streams[resumed.length - 1];
      if (!stream) throw new Error('no more streams');
      return stream(signal);
    },
    getOrder: async () => {
      reads += 1;
      const returns = order.pending ? [{ settleTime: undefined }] : [];
      return { order: { ...order, reason: '', updateTime: TIME, returns } };
    },
  };
  return { orders: orders as unknown as Clients['orders'], resumed, reads: () => reads };
}

function sessionOf(dropped: string[] = []): Session {
  const token = async () => `token-${dropped.length + 1}`;
  return { userId: '1', token, drop: (old) => dropped.push(old), call: async (work) => work(await token()) };
}

async function follow(orders: Clients['orders'], options: Partial<FollowOptions> = {}, session = sessionOf()) {
  const patience = { limit: 5000, signal: new AbortController().signal, untilEndState: true, ...options };
  const seen: string[] = [];
  for await (const { status } of followOrder(orderSource(orders, session, 'order-1'), patience)) seen.push(status);
  return seen;
}

const sends = (...changes: WatchOrderResponse[]): Stream => {
  return async function* () {
    yield* changes;
  };
};
const breaksAfter = (error: Error, ...changes: WatchOrderResponse[]): Stream => {
  return async function* () {
    yield* changes;
    throw error;
  };
};

const silent: Stream = async function* (signal) {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
};

describe('an order that is followed', () => {
  it('is followed to its end state, which needs no other call', async () => {
    const { orders, reads } = ordersService([sends(change(PLACED, 1n), change(COMPLETED, 2n))], {
      status: COMPLETED,
      version: 2n,
    });
    expect(await follow(orders)).toEqual(['PLACED', 'COMPLETED']);
    expect(reads()).toBe(0);
  });

  it('is taken up after the last change seen when the stream breaks', async () => {
    const streams = [breaksAfter(unavailable(), change(PLACED, 1n)), sends(change(COMPLETED, 2n))];
    const { orders, resumed } = ordersService(streams, { status: COMPLETED, version: 2n });
    expect(await follow(orders)).toEqual(['PLACED', 'COMPLETED']);
    expect(resumed).toEqual(['', 'after-1']);
  });

  it('is taken up with a new token when the old one has expired', async () => {
    const dropped: string[] = [];
    const streams = [breaksAfter(unauthenticated(), change(PLACED, 1n)), sends(change(COMPLETED, 2n))];
    const { orders } = ordersService(streams, { status: COMPLETED, version: 2n });
    expect(await follow(orders, {}, sessionOf(dropped))).toEqual(['PLACED', 'COMPLETED']);
    expect(dropped).toEqual(['token-1']);
  });

  it('is read when the stream stays silent', async () => {
    const { orders, reads } = ordersService([silent], { status: COMPLETED, version: 2n });
    expect(await follow(orders, { silenceMs: 20 })).toEqual(['COMPLETED']);
    expect(reads()).toBe(1);
  });

  it('is followed on when an old stream was ended before the order was', async () => {
    const placed = { status: PLACED, version: 1n };
    const streams = [sends(change(PLACED, 1n)), sends(change(COMPLETED, 2n))];
    const { orders, resumed } = ordersService(streams, placed);
    expect(await follow(orders)).toEqual(['PLACED', 'COMPLETED']);
    expect(resumed).toEqual(['', 'after-1']);
  });

  it('shows no change twice, though it is sent twice', async () => {
    const streams = [breaksAfter(unavailable(), change(PLACED, 1n)), sends(change(PLACED, 1n), change(COMPLETED, 2n))];
    const { orders } = ordersService(streams, { status: COMPLETED, version: 2n });
    expect(await follow(orders)).toEqual(['PLACED', 'COMPLETED']);
  });

  it('is followed beyond its end state while a return is under way', async () => {
    const order = { status: COMPLETED, version: 3n, pending: true };
    const { orders } = ordersService(
      [
        sends(change(COMPLETED, 3n)),
        async function* () {
          order.pending = false;
          order.version = 4n;
          yield change(COMPLETED, 4n);
        },
      ],
      order,
    );
    expect(await follow(orders, { untilEndState: false })).toEqual(['COMPLETED', 'COMPLETED']);
  });

  it('is left when the limit of the one who follows is reached', async () => {
    const { orders } = ordersService([silent], { status: PLACED, version: 1n });
    await expect(follow(orders, { signal: AbortSignal.timeout(30) })).rejects.toThrow('timeout');
  });
});
