import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { OrdersServiceService } from '@weft/gen/grpc/weft/orders/v1/orders';
import { createClient } from '@weft/kit/rpc';
import { createTracing } from '@weft/kit/telemetry';
import { ORDER_ID } from './reply.ts';

// A client of the benchmark, `bare` or `kit`: calls as fast as it is answered, as often as it is told.

const IN_FLIGHT = 32;
const TIMEOUT_MS = 2_000;
const [kind, target = '', token = ''] = process.argv.slice(2);

export interface Load {
  readonly calls: number;
  readonly seconds: number;
  readonly cpuMicroseconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

function bare(): () => Promise<unknown> {
  const client = new Client(target, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = OrdersServiceService.getOrder;
  return () =>
    new Promise((resolve, reject) => {
      const metadata = new Metadata();
      if (token) metadata.set('authorization', `Bearer ${token}`);
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { orderId: ORDER_ID },
        metadata,
        { deadline: Date.now() + TIMEOUT_MS },
        (error, response) => (error ? reject(error) : resolve(response)),
      );
    });
}

function kit(): () => Promise<unknown> {
  const tracing = createTracing({ service: 'bench', version: '1', ratio: 0, endpoint: '' });
  const options = { target, caller: 'bench', tracing, retries: true, ...(token && { token }) };
  const client = createClient(OrdersServiceService, OrdersService, options);
  return () => client.getOrder({ orderId: ORDER_ID });
}

async function run(call: () => Promise<unknown>, calls: number): Promise<Load> {
  const times: number[] = [];
  const before = process.cpuUsage();
  const start = performance.now();
  let left = calls;
  const loop = async () => {
    for (let now = performance.now(); left-- > 0; ) {
      await call();
      const after = performance.now();
      times.push(after - now);
      now = after;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - start) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0;
  return { calls: times.length, seconds, cpuMicroseconds: user + system, p50: at(0.5), p99: at(0.99) };
}

const call = kind === 'kit' ? kit() : bare();
process.on('message', async (calls: number) => process.send?.(await run(call, calls)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
