import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { status as grpc } from '@grpc/grpc-js';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { eventually } from '@weft/kit/testing';
import { rawClient } from '../../kit/test/rpc/raw-call.ts';
import { writeImportedProtos } from '../../scripts/imported-protos.ts';
import { buyByCurl } from '../flows/by-curl.ts';
import { orderOf } from '../flows/shop.ts';
import { committedIntents, methodsOf } from '../mesh/generate.ts';
import { figure } from './figures.ts';
import { plainPod } from './plain-pod.ts';
import { restCustomer } from './rest.ts';
import { isThere, run } from './run.ts';
import { environmentOf, type System } from './system.ts';
import type { Part } from './whole.ts';

const ROOT = join(import.meta.dirname, '../..');
const WEFT = join(ROOT, 'clients/cli/src/main.ts');
const LOCKED_SECONDS = 8;
/** Between the contract's time and what whoever asked has seen of it. */
const LATE_MS = 1500;

/** Has everybody who reads a product wait for so long. */
async function lockProducts({ cluster }: System): Promise<void> {
  const { data } = await cluster.get<{ data: { DATABASE_URL: string } }>('secret', 'catalog-backing');
  const url = Buffer.from(data.DATABASE_URL, 'base64').toString().replace('@postgresql:', '@127.0.0.1:');
  const lock = `begin; lock table product; select pg_sleep(${LOCKED_SECONDS}); commit`;
  await cluster.kubectl(['exec', 'statefulset/postgresql', '--', 'psql', url, '-c', lock]);
}

/** A few minutes: orders come to their end through the ingress, and nothing gets in beside the mesh. */
export const quick: Part = (system) => {
  it('takes an order that came through the ingress to its end', async () => {
    const { customer, product, ended, stock, payment } = system();
    const buyer = await customer();
    const productId = await product({ price: 250n, stock: 10n });
    const { order } = await buyer.orders.placeOrder(orderOf(productId, 3n));
    const { status, total } = await ended(order?.orderId ?? '', 60_000);
    assert.equal(status, OrderStatus.ORDER_STATUS_COMPLETED);
    assert.equal(total?.minorUnits, 750n);
    assert.deepEqual(await stock(productId), { onHand: 7n, reserved: 0n });
    assert.equal((await payment(order?.orderId ?? '')).captured, 750n);
  });

  it('takes one of weft demo, which buys through the gateway', async () => {
    const env = environmentOf(system());
    assert.match(await run(process.execPath, [WEFT, 'demo', '--json'], { env, within: 120_000 }), /"COMPLETED"/);
  });

  it('takes one that was placed by REST, with a token', async () => {
    const buyer = await restCustomer(`http://${system().ingress}`);
    const orderId = await buyer.place(await system().product({}));
    await eventually(async () => assert.equal(await buyer.statusOf(orderId), 'ORDER_STATUS_COMPLETED'), 60_000);
  });

  it('takes one of curl, which follows it to its end', async (test) => {
    if (!(await isThere('curl', '--version'))) return test.skip('curl is not on the path');
    const states = await buyByCurl(`http://${system().ingress}`, await system().product({}));
    assert.equal(states.at(-1), 'ORDER_STATUS_COMPLETED');
  });

  it('takes one of grpcurl', async (test) => {
    if (!(await isThere('grpcurl', '-version'))) return test.skip('grpcurl is not on the path');
    const folder = await mkdtemp(join(tmpdir(), 'weft-cluster-'));
    try {
      const contracts = join(folder, 'weft.binpb');
      writeImportedProtos();
      const buf = join(ROOT, 'node_modules/@bufbuild/buf/bin/buf');
      await run(process.execPath, [buf, 'build', ROOT, '--as-file-descriptor-set', '-o', contracts]);
      const call = async (method: string, body: object, token?: string) => {
        const authorization = token === undefined ? [] : ['-H', `authorization: Bearer ${token}`];
        const args = ['-plaintext', '-protoset', contracts, ...authorization, '-d', JSON.stringify(body)];
        return JSON.parse(await run('grpcurl', [...args, system().ingress, method])) as never;
      };
      const account = { email: `${randomUUID()}@shop.example`, password: 'correct horse' };
      await call('weft.users.v1.UsersService/Register', { ...account, full_name: 'A Customer' });
      const { accessToken } = await call('weft.users.v1.UsersService/Login', account);
      const request = {
        idempotency_key: randomUUID(),
        lines: [{ product_id: await system().product({}), quantity: 1 }],
        payment_method_token: 'tok_approved',
      };
      const orders = 'weft.orders.v1.OrdersService';
      const placed: { order: { orderId: string } } = await call(`${orders}/PlaceOrder`, request, accessToken);
      await eventually(async () => {
        const body = { order_id: placed.order.orderId };
        const { order }: { order: { status: string } } = await call(`${orders}/GetOrder`, body, accessToken);
        assert.equal(order.status, 'ORDER_STATUS_COMPLETED');
      }, 60_000);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('answers browsers, which call by Connect and gRPC-Web', async () => {
    const method = `http://${system().ingress}/weft.catalog.v1.CatalogService/ListProducts`;
    const body = '{"pageSize":1}';
    const frame = Uint8Array.from([0, 0, 0, 0, 2, 8, 1]);
    const get = `${method}?${new URLSearchParams({ connect: 'v1', encoding: 'json', message: body })}`;
    const preflight = { origin: 'https://shop.example', 'access-control-request-method': 'POST' };
    for (const [url, type, request] of [
      [method, 'application/json', { method: 'POST', body }],
      [method, 'application/grpc-web+proto', { method: 'POST', body: frame }],
      [get, undefined, {}],
      [method, undefined, { method: 'OPTIONS', headers: preflight }],
    ] as const) {
      const headers = type === undefined ? {} : { headers: { 'content-type': type } };
      const answer = await fetch(url, { ...request, ...headers, signal: AbortSignal.timeout(10_000) });
      assert.ok(answer.ok, `${type} ${answer.status} ${await answer.text()}`);
      if (type !== undefined)
        assert.match(answer.headers.get('content-type') ?? '', new RegExp(`^${type.replace('+', '.')}`));
    }
  });

  it('answers DEADLINE_EXCEEDED at the time of the contract while a database is slow, to whoever would wait longer', async () => {
    const method = methodsOf(committedIntents().get('catalog')).find(({ name }) => name === 'GetProduct');
    assert.ok(method);
    const request = Buffer.concat([Buffer.from([10, 36]), Buffer.from(randomUUID())]);
    const raw = rawClient(system().ingress);
    const locked = lockProducts(system());
    try {
      await eventually(async () => {
        const began = performance.now();
        const { error } = await raw.unary(method.path, request);
        const ms = performance.now() - began;
        assert.equal(grpc[error?.code ?? 0], 'DEADLINE_EXCEEDED', error?.details);
        assert.ok(ms > method.timeoutMs - 50 && ms < method.timeoutMs + LATE_MS, `after ${ms} ms`);
        figure(`a call of ${method.timeoutMs} ms, cut`, `after ${ms.toFixed(0)} ms`);
      }, LOCKED_SECONDS * 1000);
    } finally {
      raw.close();
      await locked;
    }
  });

  it('refuses a pod that is not in the mesh', async () => {
    // What it does is what the charts' tests do, which pass with a certificate.
    const { phase, log } = await plainPod(system().cluster, 'orders');
    assert.equal(phase, 'Failed', log);
    assert.match(log, /ECONNRESET|socket hang up|closed/);
  });
};
