import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { startEmbeddedPostgres } from '@weft/all/embedded';
import type { Product } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import type { Order } from '@weft/gen/grpc/weft/orders/v1/orders';
import { shopProcess } from '../../flows/process.ts';
import { clientsAt, orderOf, type Shopkeeper, shopkeeper } from '../../flows/shop.ts';
import { child } from '../children.ts';
import { type Amounts, type Customers, fill } from './fill.ts';
import { type Operation, operationsOf } from './operations.ts';
import type { WatchersAsk, Watching } from './watchers.ts';

const ADMIN = { email: 'admin@weft.example', password: 'admin-of-the-benchmark' };
const WATCHERS = new URL('./watchers.ts', import.meta.url);

export interface System {
  readonly operations: ReadonlyMap<string, Operation>;
  /** Seconds. */
  readonly took: { readonly fill: number; readonly open: number };
  watchers(ask: WatchersAsk): Promise<Watching>;
  /** Megabytes that the process of the services occupies. */
  memory(): number;
}

/** What has to be ended, in the other order. */
export type Ends = (() => Promise<unknown>)[];

/** A whole shop in one process, as `npm start` runs it, on a PostgreSQL of its own, which is filled; and its watchers. */
export async function openSystem(amounts: Amounts, pages: number, ends: Ends): Promise<System> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'weft-scale-'));
  ends.push(() => rm(dataFolder, { recursive: true, force: true }));
  const postgres = await startEmbeddedPostgres({ dataFolder, logger: { info() {}, warn() {}, error: console.error } });
  ends.push(() => postgres.stop());
  const env = {
    DATABASE_URL: postgres.adminUrl,
    USERS_ADMIN_EMAIL: ADMIN.email,
    USERS_ADMIN_PASSWORD: ADMIN.password,
    USERS_TOKEN_TTL_SECONDS: '86400',
  };
  const shop = await shopProcess(dataFolder, { env });
  ends.push(() => shop.stop());
  await shop.start();

  const keeper = await shopkeeper((token) => clientsAt(shop.target, token), ADMIN);
  const [pager, watcher, buyer] = [await keeper.customer(), await keeper.customer(), await keeper.customer()];
  const filled = await timed(() => fillLike(keeper, postgres.adminUrl, amounts, { buyer, pager, watcher }));

  const streams = await child(WATCHERS, [shop.target('orders'), watcher.token]);
  ends.push(() => streams.stop());
  const opened = await timed(() => streams.ask<Watching>({ open: filled.value }));
  if (opened.value.open !== amounts.streams) throw new Error(`${opened.value.open} streams are open`);
  return {
    operations: await operationsOf({ admin: keeper.admin, pager, buyer }, amounts.products, pages),
    took: { fill: filled.seconds, open: opened.seconds },
    watchers: (ask) => streams.ask<Watching>(ask),
    memory: () => Number(spawnSync('ps', ['-o', 'rss=', '-p', `${shop.pid()}`], { encoding: 'utf8' }).stdout) / 1024,
  };
}

type Customer = Awaited<ReturnType<Shopkeeper['customer']>>;

/** Gives the orders that are under way. */
async function fillLike(
  { admin, product, ended }: Shopkeeper,
  server: string,
  amounts: Amounts,
  { buyer, pager, watcher }: Readonly<Record<'buyer' | keyof Customers, Customer>>,
): Promise<string[]> {
  const productId = await product({ stock: 1_000_000n });
  const { order: placed } = await buyer.orders.placeOrder(orderOf(productId));
  const order = await ended(placed?.orderId ?? '');
  const model = { productId, orderId: order.orderId };
  const watched = await fill(server, amounts, model, { pager: pager.id, watcher: watcher.id });

  const { orders } = await pager.orders.listOrders({ customerId: '', status: 0, pageSize: 1, pageToken: '' });
  const copy = await admin.orders.getOrder({ orderId: orders[0]?.orderId ?? '' });
  const [sold, sample] = await Promise.all(
    [productId, 'P000000'].map((id) => admin.catalog.getProduct({ productId: id })),
  );
  const alike =
    isDeepStrictEqual(essence(copy.order), essence(order)) &&
    isDeepStrictEqual(kind(sample?.product), kind(sold?.product));
  if (!alike) throw new Error('what was filled in is not as the services write it');
  return watched;
}

/** What orders have in common that were placed alike. */
function essence(order: Order | undefined) {
  const lines = order?.lines.map((line) => ({ ...line, productId: '', stockCode: '', title: '' }));
  return { ...order, lines, orderId: '', customerId: '', createTime: undefined, updateTime: undefined };
}

function kind(product: Product | undefined) {
  return { ...product, productId: '', stockCode: '', title: '', description: '' };
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const began = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - began) / 1000 };
}
