import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '@weft/all/embedded';
import { services } from '@weft/all/services';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { eventually, hasNats, type ProcessSpec, startNats } from '@weft/kit/testing';
import { openShop, orderOf, type Shop, STYLES, type Style, styled } from '../flows/shop.ts';
import { lastVersion, otherVersion } from './other-version.ts';

// npm run test:versions [-- --last REVISION]: a shop of the last version becomes one of this version, a service at a time, and goes back the same
// way, on the same databases and the same bus. After each step an order of each style has to come to its end.

const { values } = parseArgs({ options: { last: { type: 'string' } } });
const ROOT = join(import.meta.dirname, '../..');
const PRICE = 250n;
const END_MS = 60_000;

const last = values.last ?? lastVersion();
if (last === undefined) {
  console.log('the history has no last version: nothing to compare with');
  process.exit();
}
const other = otherVersion(last);
const names = services.map(({ spec }) => spec.name);
/** Where the version is that a service runs. One that the last version has not is of this one. */
const folderOf = new Map(names.map((name) => [name, other.services.has(name) ? other.folder : ROOT]));
const specs = names.map(
  (name): ProcessSpec => ({
    services: [name],
    get main() {
      return join(folderOf.get(name) ?? ROOT, `services/${name}/src/main.ts`);
    },
  }),
);

const closing: (() => unknown)[] = [() => other.remove()];

async function start() {
  const dataFolder = await mkdtemp(join(tmpdir(), 'weft-versions-'));
  closing.push(() => rm(dataFolder, { recursive: true, force: true }));
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  const postgres = await startEmbeddedPostgres({ dataFolder, logger: quiet });
  closing.push(() => postgres.stop());
  process.env.WEFT_TEST_DATABASE_URL = postgres.adminUrl;
  const nats = hasNats ? await startNats() : undefined;
  if (nats) closing.push(() => nats.drop());
  console.log(`last version ${other.commit.slice(0, 12)}, bus on ${nats ? 'JetStream' : 'PostgreSQL'}`);
  const shop = await openShop(specs, { LOG_LEVEL: 'error', ...(nats && { NATS_URL: nats.url }) });
  closing.push(() => shop.booted.stop());
  return shop;
}

/** Bought, paid, sent and told of, to the penny and the piece. */
async function order(shop: Shop, style: Style, when: string): Promise<void> {
  // Who calls a service that has just started again may have to ask twice.
  const product = await eventually(() => shop.product({ price: PRICE, stock: 5n }), END_MS);
  const buyer = await eventually(() => shop.customer(), END_MS);
  const request = styled(style, orderOf(product, 2n));
  const placed = await eventually(() => buyer.orders.placeOrder(request), END_MS);
  const orderId = placed.order?.orderId ?? '';
  const { status } = await shop.ended(orderId, END_MS);
  const { captured } = await shop.payment(orderId);
  const { onHand, reserved } = await shop.stock(product);
  if (status !== OrderStatus.ORDER_STATUS_COMPLETED || captured !== PRICE * 2n || onHand !== 3n || reserved !== 0n)
    throw new Error(`${when}: ${style} order ${orderId} ended as ${status}, ${captured} captured, ${onHand} left`);
}

const orders = async (shop: Shop, when: string) => {
  await Promise.all(STYLES.map((style) => order(shop, style, when)));
  console.log(when);
};

let steps = 0;
try {
  const shop = await start();
  await orders(shop, 'all are of the last version');
  for (const [version, folder] of [
    ['this', ROOT],
    ['the last', other.folder],
  ] as const) {
    for (const name of names.filter((one) => other.services.has(one))) {
      await shop.booted.kill(name);
      folderOf.set(name, folder);
      await shop.booted.start(name);
      await shop.booted.reconnected();
      await orders(shop, `${name} is of ${version} version`);
      steps++;
    }
    await shop.booted.settle(END_MS);
  }
  console.log(JSON.stringify({ last: other.commit, steps, orders: (steps + 1) * STYLES.length }));
} finally {
  for (const close of closing.reverse()) await close();
}
