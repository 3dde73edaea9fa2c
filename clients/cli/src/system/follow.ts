import { setTimeout as delay } from 'node:timers/promises';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { fromTimestamp, type Timestamp } from '@weft/kit/time';
import { enumNames } from '../terminal/enum-names.ts';
import type { Clients } from './clients.ts';
import { createPauses, type Patience } from './patience.ts';
import { isRefused, type Session } from './session.ts';

export interface OrderChange {
  /** For example COMPLETED. */
  readonly status: string;
  readonly reason: string;
  readonly version: bigint;
  readonly time: Date | undefined;
}

export interface FollowOptions extends Patience {
  /** End as soon as an end state is reached, though a return may be under way. */
  readonly untilEndState: boolean;
  /** Milliseconds without a change after which the order is read. */
  readonly silenceMs?: number;
}

const SILENCE_MS = 10_000;
const RENEW_MS = 100;

/** An order as its services tell of it, whichever way they are asked. */
export interface OrderSource {
  /** Its status, unless the token stands for it, and the changes after it. */
  watch(
    resumeToken: string,
    signal: AbortSignal,
  ): AsyncIterable<{
    readonly status: number;
    readonly reason: string;
    readonly version: bigint;
    readonly changeTime?: Timestamp | undefined;
    readonly resumeToken: string;
  }>;
  read(): Promise<
    | {
        readonly status: number;
        readonly reason: string;
        readonly version: bigint;
        readonly updateTime?: Timestamp | undefined;
        readonly returns: readonly { readonly settleTime?: Timestamp | undefined }[];
      }
    | undefined
  >;
}

/** An order as orders itself tells of it to somebody who is signed in. */
export function orderSource(
  orders: Pick<Clients['orders'], 'watchOrder' | 'getOrder'>,
  session: Session,
  orderId: string,
): OrderSource {
  return {
    async *watch(after, signal) {
      let resumeToken = after;
      for (let refused = false; ; refused = true) {
        const token = await session.token();
        try {
          for await (const change of orders.watchOrder({ orderId, resumeToken }, { token, signal })) {
            resumeToken = change.resumeToken;
            yield change;
          }
          return;
        } catch (error) {
          if (refused || !isRefused(error)) throw error;
          session.drop(token);
        }
      }
    },
    read: async () => (await session.call((token) => orders.getOrder({ orderId }, { token }))).order,
  };
}

export const statusName: (status: number) => string = enumNames(OrderStatus, 'ORDER_STATUS_');

export function isEndState(status: string): boolean {
  return status === 'COMPLETED' || status === 'REJECTED' || status === 'CANCELLED';
}

/**
 * An order's status now and each change after it, until the server says that nothing more will come, or, with
 * `untilEndState`, until it has reached one. A stream that breaks is taken up again after the last change seen; one that
 * stays silent is checked by reading the order.
 */
export async function* followOrder(
  source: OrderSource,
  { untilEndState, silenceMs = SILENCE_MS, ...patience }: FollowOptions,
): AsyncGenerator<OrderChange> {
  const pauses = createPauses(patience);
  let resumeToken = '';
  let seen = 0n;
  for (;;) {
    const attempt = new AbortController();
    const silence = setTimeout(() => attempt.abort(), silenceMs);
    const signal = AbortSignal.any([patience.signal, attempt.signal]);
    try {
      for await (const change of source.watch(resumeToken, signal)) {
        silence.refresh();
        pauses.reset();
        resumeToken = change.resumeToken;
        const status = statusName(change.status);
        if (change.version > seen) {
          seen = change.version;
          yield {
            status,
            reason: change.reason,
            version: change.version,
            time: change.changeTime && fromTimestamp(change.changeTime),
          };
        }
        if (untilEndState && isEndState(status)) return;
      }
      clearTimeout(silence);
      patience.signal.throwIfAborted();
      const now = await readOrder(source);
      if (now.version > seen) {
        seen = now.version;
        yield now;
      }
      if (isEndState(now.status) && (untilEndState || !now.pending)) return;
      pauses.reset();
      await delay(RENEW_MS, undefined, { signal: patience.signal }).catch(() => patience.signal.throwIfAborted());
    } catch (error) {
      await pauses.after(error);
    } finally {
      clearTimeout(silence);
    }
  }
}

async function readOrder(source: OrderSource) {
  const order = await source.read();
  return {
    status: statusName(order?.status ?? OrderStatus.ORDER_STATUS_UNSPECIFIED),
    reason: order?.reason ?? '',
    version: order?.version ?? 0n,
    time: order?.updateTime && fromTimestamp(order.updateTime),
    pending: order?.returns.some((one) => one.settleTime === undefined) ?? false,
  };
}
