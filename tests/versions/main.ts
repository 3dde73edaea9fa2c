import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '@weft/all/embedded';
import { services } from '@weft/all/services';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { type Another, eventually, hasNats, type ProcessSpec, startNats } from '@weft/kit/testing';
import { openShop, orderOf, type Shop, STYLES, type Style, styled } from '../flows/shop.ts';
import { lastVersion, otherVersion } from './other-version.ts';

// npm run test:versions [-- --last REVISION]: a shop of the last version becomes one of this version, a service at a time, and goes back in the
// reverse order, on the same databases and the same bus. At each step both versions of the service run and share its consumers while there are
// orders, and the one that goes is killed in the middle of some. Orders of each style have to come to their end at any time.

const { values } = parseArgs({ options: { last: { type: 'string' } } });
const ROOT = join(import.meta.dirname, '../..');
const PRICE = 250n;
const END_MS = 60_000;
/** Until when both versions have to have handled events of one consumer. */
const SHARED_MS = 30_000;
/** Orders of each style. */
const AT_ONCE = 2;

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

/** Bought, paid, sent and told of, to the penny and the piece; so many orders of each style at once. */
async function orders(shop: Shop, when: string, each = 1): Promise<void> {
  // Who calls a service that has just started again may have to ask twice.
  const again = <T>(ask: () => Promise<T>) => eventually(ask, END_MS);
  const count = BigInt(each * STYLES.length);
  const product = await again(() => shop.product({ price: PRICE, stock: count * 2n + 3n }));
  const buyer = await again(() => shop.customer());
  const buy = async (style: Style) => {
    const request = styled(style, orderOf(product, 2n));
    const orderId = (await again(() => buyer.orders.placeOrder(request))).order?.orderId ?? '';
    const { status } = await shop.ended(orderId, END_MS);
    const { captured } = await again(() => shop.payment(orderId));
    if (status !== OrderStatus.ORDER_STATUS_COMPLETED || captured !== PRICE * 2n)
      throw new Error(`${when}: ${style} order ${orderId} ended as ${status}, ${captured} captured`);
  };
  await Promise.all(Array.from({ length: each }, () => STYLES.map(buy)).flat());
  const { onHand, reserved } = await again(() => shop.stock(product));
  if (onHand !== 3n || reserved !== 0n) throw new Error(`${when}: ${onHand} left, ${reserved} reserved`);
  ordered += Number(count);
}

/** Events that each consumer of a process has handled. */
async function handledAt(ops: string): Promise<Map<string, number>> {
  const scraped = await (await fetch(`${ops}/metrics`, { signal: AbortSignal.timeout(5_000) })).text();
  const handled = new Map<string, number>();
  for (const [, labels = '', count] of scraped.matchAll(/^weft_consumer_deliveries_total\{(.*)\} (\d+)/gm)) {
    const name = /messaging_consumer_group_name="([^"]+)"/.exec(labels)?.[1];
    if (name && labels.includes('outcome="handled"')) handled.set(name, Number(count));
  }
  return handled;
}

/** Orders until both processes have handled events of one consumer, of which each has its share. Gives which consumer that was. */
async function shared(shop: Shop, name: string, other: Another, when: string): Promise<string | undefined> {
  const before = await handledAt(shop.booted.ops(name));
  const until = performance.now() + SHARED_MS;
  do {
    await orders(shop, when, AT_ONCE);
    const [one, two] = await Promise.all([handledAt(shop.booted.ops(name)), handledAt(other.ops)]);
    const consumers = [...new Set([...one.keys(), ...two.keys()])];
    if (consumers.length === 0) return undefined;
    const grew = (consumer: string) => (one.get(consumer) ?? 0) > (before.get(consumer) ?? 0);
    const both = consumers.find((consumer) => grew(consumer) && (two.get(consumer) ?? 0) > 0);
    if (both) return both;
  } while (performance.now() < until);
  throw new Error(`${when}: one of the two has handled all events`);
}

/** The other version comes beside the one that runs, which is killed under load; then it takes its place, and is alone. */
async function replace(shop: Shop, name: string, folder: string, version: string): Promise<void> {
  folderOf.set(name, folder);
  const other = await shop.booted.startBeside(name);
  const consumer = await shared(shop, name, other, `${name} is of both versions`);
  const underWay = orders(shop, `${name} goes over to ${version} version`, AT_ONCE);
  // It is looked at below; until then it may fail.
  underWay.catch(() => {});
  await shop.booted.kill(name);
  await shop.booted.start(name);
  await other.kill();
  await shop.booted.reconnected();
  await underWay;
  await orders(shop, `${name} is of ${version} version`);
  console.log(`${name} is of ${version} version${consumer ? `, both shared ${consumer}` : ''}`);
}

let ordered = 0;
let steps = 0;
try {
  const shop = await start();
  await orders(shop, 'all are of the last version');
  const both = names.filter((name) => other.services.has(name));
  for (const [version, folder, inOrder] of [
    ['this', ROOT, both],
    ['the last', other.folder, both.toReversed()],
  ] as const) {
    for (const name of inOrder) {
      await replace(shop, name, folder, version);
      steps++;
    }
    await shop.booted.settle(END_MS);
  }
  console.log(JSON.stringify({ last: other.commit, steps, orders: ordered }));
} finally {
  for (const close of closing.reverse()) await close();
}
