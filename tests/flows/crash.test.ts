import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { status } from '@weft/kit/rpc';
import { eventually } from '@weft/kit/testing';
import { persistently } from './persistently.ts';
import { shopProcess } from './process.ts';
import { addressIn, clientsAt, SAGA_STYLE, shopkeeper, WAYS } from './shop.ts';

const ORDERS = 100;
const TOKENS = ['tok_approved', 'tok_declined', 'tok_timeout_approved', 'tok_approved', 'tok_capture_timeout'];
const POSTAL_CODES = ['', 'SW1A 1AA', 'SIM-DELAYED', undefined, 'SIM-TIMEOUT-ACCEPTED', 'SIM-REFUSED', undefined];
/** In split mode, one after the other; undefined: everything. */
const KILLED = {
  orchestrated: [undefined, 'checkout', 'inventory'],
  choreographed: [undefined, 'payments', 'shipping', 'inventory'],
} as const;
/** So many orders. */
const KILLED_AFTER = { orchestrated: [10, 45, 80], choreographed: [10, 35, 60, 80] } as const;
const AWAY: readonly number[] = [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED, status.UNKNOWN];

const persist = <T>(ask: () => Promise<T>) => persistently(ask, AWAY, 60_000);

describe.each(WAYS)('kill -9 in the middle of a hundred orders (%s, %s)', (mode, style) => {
  let folder: string;
  let shop: Awaited<ReturnType<typeof shopProcess>>;
  beforeAll(async () => {
    // Its parents can be entered by the user that PostgreSQL runs as, unlike those of mkdtemp.
    folder = join(process.env.WEFT_TEST_FOLDER ?? tmpdir(), `crash-${randomUUID()}`);
    await mkdir(folder);
    shop = await shopProcess(folder, { mode, env: { SHIPPING_CARRIER_DELAY_MS: '1500' } });
    await shop.start();
  });
  afterAll(async () => {
    await shop?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('brings every accepted order to an end state, with money and stock that agree', async () => {
    const admin = JSON.parse(await readFile(join(folder, 'admin.json'), 'utf8')) as { email: string; password: string };
    const keeper = await shopkeeper((token) => clientsAt(shop.target, token), admin);
    const buyer = await keeper.customer();
    const products = await Promise.all([
      keeper.product({ price: 100n, stock: 500n }),
      keeper.product({ price: 250n, stock: 40n }),
      keeper.product({ price: 999n, stock: 500n }),
    ]);
    const requests = Array.from({ length: ORDERS }, (_, index) => ({
      idempotencyKey: randomUUID(),
      customerId: '',
      lines: products.map((productId, place) => ({ productId, quantity: BigInt(((index + place) % 3) + 1) })),
      paymentMethodToken: TOKENS[index % TOKENS.length] ?? '',
      deliveryAddress: addressIn(POSTAL_CODES[index % POSTAL_CODES.length]),
      sagaStyle: SAGA_STYLE[style],
    }));

    let accepted = 0;
    const kills = (async () => {
      for (const [index, after] of KILLED_AFTER[style].entries()) {
        await eventually(() => accepted >= after, 60_000);
        const service = mode === 'split' ? KILLED[style][index] : undefined;
        if (service !== undefined) {
          process.kill(shop.serviceProcesses().get(service) ?? 0, 'SIGKILL');
        } else {
          await shop.kill();
          await shop.start();
        }
      }
    })();
    const queue = requests.entries();
    const place = async () => {
      for (const [, request] of queue) {
        const placed = await persist(() => buyer.orders.placeOrder(request));
        if (placed instanceof Error) throw placed;
        accepted++;
        // Some are undone while the system dies around them.
        if (accepted % 7 === 0) await persist(() => buyer.orders.cancelOrder({ orderId: placed.order?.orderId ?? '' }));
      }
    };
    await Promise.all([kills, ...Array.from({ length: 8 }, place)]);

    const all = { customerId: '', status: 0, pageSize: 1000, pageToken: '' } as const;
    // The last kill may have come after the last order.
    const { orders } = await eventually(() => buyer.orders.listOrders(all), 60_000);
    expect(orders).toHaveLength(ORDERS);
    const ended = await Promise.all(orders.map(({ orderId }) => keeper.ended(orderId, 60_000)));

    const sold = new Map(products.map((productId) => [productId, 0n]));
    for (const order of ended) {
      const { captured = 0n, refunded = 0n } = await keeper
        .payment(order.orderId)
        .catch(() => ({ captured: 0n, refunded: 0n }));
      const completed = order.status === OrderStatus.ORDER_STATUS_COMPLETED;
      expect({ orderId: order.orderId, kept: captured - refunded }).toEqual({
        orderId: order.orderId,
        kept: completed ? order.total?.minorUnits : 0n,
      });
      for (const { productId, quantity } of completed ? order.lines : [])
        sold.set(productId, (sold.get(productId) ?? 0n) + quantity);
    }
    expect(ended.some((order) => order.status === OrderStatus.ORDER_STATUS_COMPLETED)).toBe(true);
    const before = [500n, 40n, 500n];
    await eventually(async () => {
      for (const [index, productId] of products.entries()) {
        expect(await keeper.stock(productId)).toEqual({
          onHand: (before[index] ?? 0n) - (sold.get(productId) ?? 0n),
          reserved: 0n,
        });
      }
    });
  }, 180_000);

  it('stops within five seconds on Ctrl-C with exit code 0, and has its orders after the next start', async () => {
    const { code, took } = await shop.stop('SIGINT');
    expect(code).toBe(0);
    expect(took).toBeLessThan(5000);
    await shop.start();
    const admin = JSON.parse(await readFile(join(folder, 'admin.json'), 'utf8')) as { email: string; password: string };
    // Channels to the process that went away wait a moment before they connect again.
    const { orders } = await eventually(async () => {
      const keeper = await shopkeeper((token) => clientsAt(shop.target, token), admin);
      return keeper.admin.orders.listOrders({ customerId: '', status: 0, pageSize: 1000, pageToken: '' });
    });
    expect(orders).toHaveLength(ORDERS);
  }, 30_000);
});
