import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { OrderStatus, OrdersServiceService, type WatchOrderResponse } from '@weft/gen/grpc/weft/orders/v1/orders';

// Holds a stream an order open, and changes some of the orders when it is told to.

const STREAMS_A_CHANNEL = 500;
const OPENING = 50;
const TOLD_WITHIN_MS = 5_000;
const [target = '', token = ''] = process.argv.slice(2);

export type WatchersAsk = { readonly open: readonly string[] } | { readonly change: number };

export interface Watching {
  readonly open: number;
  /** Streams that the server ended, as idle ones are, and that were opened again. */
  readonly resumed: number;
  /** Milliseconds from the answer of a change until its stream told it, at most. */
  readonly slowest: number;
}

interface Stream {
  readonly orderId: string;
  readonly client: Client;
  last: WatchOrderResponse | undefined;
  isOpen: boolean;
  told: () => void;
}

const metadata = new Metadata();
metadata.set('authorization', `Bearer ${token}`);
const asCheckout = new Metadata();
asCheckout.set('weft-caller', 'checkout');
const newChannel = () =>
  new Client(target, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_channelz': 0 });

const streams: Stream[] = [];
let next = 0;
let resumed = 0;

function watch(stream: Stream): void {
  const { path, requestSerialize, responseDeserialize } = OrdersServiceService.watchOrder;
  const request = { orderId: stream.orderId, resumeToken: stream.last?.resumeToken ?? '' };
  const call = stream.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata);
  stream.isOpen = true;
  call.on('data', (change: WatchOrderResponse) => {
    stream.last = change;
    stream.told();
  });
  const resume = () => {
    stream.isOpen = false;
    resumed += 1;
    setTimeout(() => watch(stream), 100 + Math.random() * 900);
  };
  call.on('end', resume);
  call.on('error', ({ code }: Partial<ServiceError>) => {
    if (code !== status.UNAVAILABLE) throw new Error(`${stream.orderId}: a stream failed with ${code}`);
    resume();
  });
}

const toldBy = (stream: Stream) =>
  new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${stream.orderId}: no change was told`)), TOLD_WITHIN_MS);
    stream.told = () => {
      clearTimeout(late);
      resolve();
    };
  });

async function open(orderIds: readonly string[]): Promise<void> {
  const waiting = [...orderIds];
  let client = newChannel();
  const one = async () => {
    for (let orderId = waiting.pop(); orderId !== undefined; orderId = waiting.pop()) {
      if (streams.length % STREAMS_A_CHANNEL === 0) client = newChannel();
      const stream: Stream = { orderId, client, last: undefined, isOpen: false, told: () => {} };
      streams.push(stream);
      watch(stream);
      await toldBy(stream);
    }
  };
  await Promise.all(Array.from({ length: OPENING }, one));
}

/** Gives the milliseconds until its stream told it. */
async function change(stream: Stream): Promise<number> {
  const { path, requestSerialize, responseDeserialize } = OrdersServiceService.confirmOrder;
  const told = toldBy(stream);
  await new Promise<void>((resolve, reject) => {
    const request = { orderId: stream.orderId };
    const done = (error: Error | null) => (error ? reject(error) : resolve());
    stream.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, asCheckout, done);
  });
  const answered = performance.now();
  await told;
  if (stream.last?.status !== OrderStatus.ORDER_STATUS_CONFIRMED) throw new Error(`${stream.orderId} told otherwise`);
  return performance.now() - answered;
}

async function answer(ask: WatchersAsk): Promise<Watching> {
  if ('open' in ask) await open(ask.open);
  let slowest = 0;
  if ('change' in ask) {
    for (const stream of streams.slice(next, next + ask.change)) slowest = Math.max(slowest, await change(stream));
    next += ask.change;
  }
  return { open: streams.filter(({ isOpen }) => isOpen).length, resumed, slowest };
}

process.on('message', async (ask: WatchersAsk) => process.send?.(await answer(ask)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
