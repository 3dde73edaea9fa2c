import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { services } from '@weft/all/services';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { eventually, freePort } from '@weft/kit/testing';
import { shopProcess } from './process.ts';
import { clientsAt, orderOf, type Shopkeeper, shopkeeper } from './shop.ts';

const SERVICES = services.map(({ spec }) => spec.name);
const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'services/all/src/main.ts');
const SPLIT = join(ROOT, 'services/all/src/split.ts');
const CLI = join(ROOT, 'clients/cli/src/main.ts');

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs a program to its end. */
async function outcome(args: readonly string[], env: Environment) {
  const child = spawn(process.execPath, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number | null, stdout, stderr };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

let folder: string;
let shop: Awaited<ReturnType<typeof shopProcess>>;
let keeper: Shopkeeper;
beforeAll(async () => {
  folder = join(process.env.WEFT_TEST_FOLDER ?? tmpdir(), `split-${randomUUID()}`);
  await mkdir(folder);
  shop = await shopProcess(folder, { mode: 'split' });
  await shop.start();
  const admin = JSON.parse(await readFile(join(folder, 'admin.json'), 'utf8')) as { email: string; password: string };
  keeper = await shopkeeper((token) => clientsAt(shop.target, token), admin);
}, 60_000);
afterAll(async () => {
  await shop?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('a process a service', () => {
  it('serves the command line as one process does', async () => {
    const targets = SERVICES.map((name) => [`${name.toUpperCase()}_TARGET`, shop.target(name)]);
    const { code, stdout } = await outcome([CLI, 'demo', '--json'], {
      ...shop.environment,
      ...Object.fromEntries(targets),
      WEFT_GATEWAY_URL: shop.gateway,
    });
    expect({ code, completed: stdout.includes('COMPLETED') }).toEqual({ code: 0, completed: true });
  });

  it('shows a watcher at one replica what another replica has committed', async () => {
    const port = await freePort();
    // It joins the database that runs on the data folder.
    const replica = spawn(process.execPath, [MAIN], {
      env: {
        ...shop.environment,
        TARGET: 'orders',
        ORDERS_GRPC_PORT: String(port),
        ORDERS_OPS_PORT: String(await freePort()),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await eventually(() => once(replica.stdout, 'data').then(([chunk]) => /ready after/.test(String(chunk))));
      const buyer = await keeper.customer();
      const there = await clientsAt(
        (name) => (name === 'orders' ? `127.0.0.1:${port}` : shop.target(name)),
        buyer.token,
      );
      const checkout = shop.serviceProcesses().get('checkout') ?? 0;
      // Nothing becomes of the order meanwhile.
      process.kill(checkout, 'SIGSTOP');
      const placed = await buyer.orders.placeOrder(orderOf(await keeper.product()));
      const orderId = placed.order?.orderId ?? '';
      const seen: OrderStatus[] = [];
      for await (const { status } of there.orders.watchOrder({ orderId, resumeToken: '' })) {
        seen.push(status);
        if (seen.length === 1) await buyer.orders.cancelOrder({ orderId });
        if (seen.length === 2) process.kill(checkout, 'SIGCONT');
      }
      expect(seen).toEqual([
        OrderStatus.ORDER_STATUS_PLACED,
        OrderStatus.ORDER_STATUS_CANCELLING,
        OrderStatus.ORDER_STATUS_CANCELLED,
      ]);
    } finally {
      const ended = once(replica, 'exit');
      replica.kill('SIGTERM');
      await ended;
    }
  });

  it('takes orders again after one of its processes was killed', async () => {
    const before = shop.serviceProcesses();
    process.kill(before.get('orders') ?? 0, 'SIGKILL');
    const buyer = await keeper.customer();
    const request = orderOf(await keeper.product());
    const { order } = await eventually(() => buyer.orders.placeOrder(request), 20_000);
    expect((await keeper.ended(order?.orderId ?? '')).status).toBe(OrderStatus.ORDER_STATUS_COMPLETED);
    const after = shop.serviceProcesses();
    expect(after.get('orders')).not.toBe(before.get('orders'));
    expect(after.get('checkout')).toBe(before.get('checkout'));
    expect(shop.output()).toContain('weft: orders ended (killed by SIGKILL) and is started again');
  });

  it('leaves nothing running when it is told to stop, nor when it is killed', async () => {
    const pids = [...shop.serviceProcesses().values()];
    expect(pids).toHaveLength(SERVICES.length);
    const { code, took } = await shop.stop();
    expect(code).toBe(0);
    expect(took).toBeLessThan(5000);
    expect(pids.filter(isAlive)).toEqual([]);

    await shop.start();
    const again = [...shop.serviceProcesses().values()];
    await shop.kill();
    await eventually(() => !again.some(isAlive));
  }, 60_000);

  it('ends with one line and exit code 1 when one of them cannot start', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const env = { ...shop.environment, TARGET: 'catalog,orders', ORDERS_GRPC_PORT: String(port) };
    const { code, stdout, stderr } = await outcome([SPLIT], env);
    taken.close();
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: `weft: orders: port ${port} on 127.0.0.1 is in use\n`,
    });
  });

  it('says every wrong setting at once, and starts nothing', async () => {
    const wrong = { STOP_TIMEOUT_MS: 'soon', CHECKOUT_SAGA_CONCURRENCY: 'many' };
    const urls = [...SERVICES, 'bus'].map((name) => [`${name.toUpperCase()}_DATABASE_URL`, 'postgres://127.0.0.1:9/x']);
    const env = { ...shop.environment, ...Object.fromEntries(urls), ...wrong };
    const { code, stderr } = await outcome([SPLIT], env);
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^weft: setting STOP_TIMEOUT_MS must be a whole number/),
      expect.stringMatching(/^weft: setting CHECKOUT_SAGA_CONCURRENCY must be a whole number/),
    ]);
  });
});

describe('TARGET', () => {
  it('is refused with one line when it names what is no service', async () => {
    const { code, stderr } = await outcome([MAIN], { ...shop.environment, TARGET: 'orders,odrers' });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `weft: setting TARGET names "odrers"; the services are ${SERVICES.join(', ')}\n`,
    });
  });

  it('is refused with one line where there is no database', async () => {
    const { code, stderr } = await outcome([MAIN], { ...shop.environment, TARGET: 'orders' });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^weft: TARGET=orders needs a database: start Weft on .* or set DATABASE_URL, .*\n$/,
      ),
    });
  });
});
