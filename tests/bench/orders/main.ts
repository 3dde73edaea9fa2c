import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startEmbeddedPostgres } from '@weft/all/embedded';
import { eventually } from '@weft/kit/testing';
import { MODES, type Mode, openShop } from '../../flows/shop.ts';
import { child, median } from '../children.ts';
import type { Accepted, Orders } from './customer.ts';
import { preparePgbench, transactionsPerSecond } from './pgbench.ts';

// Whole orders a second, in one process and in one a service, next to what the same PostgreSQL writes for pgbench.

const ROUNDS = Number(process.env.ROUNDS ?? 5);
/** Orders, not seconds: code that is not compiled yet costs several times as much, however slow the machine is. */
const WARM_ORDERS = Number(process.env.WARM_ORDERS ?? 2_000);
const ORDERS = Number(process.env.ORDERS ?? 600);
/** Where it is set, orders are placed at this pace: what else is asked of a shop that keeps up is measured so. */
const PER_SECOND = process.env.PER_SECOND ? Number(process.env.PER_SECOND) : undefined;
const CONNECTIONS = 16;
const PRODUCTS = 100;
const LIMIT_MS = Math.max(120_000, ORDERS * 100);
const CHOSEN = MODES.filter((mode) => (process.env.ONLY ?? mode) === mode);
const CUSTOMER = new URL('./customer.ts', import.meta.url);

interface Figures {
  /** A second: answered by PlaceOrder, and come to their end state. */
  readonly accepted: number;
  readonly completed: number;
}

/** Of the metrics of the process that takes the orders, as Prometheus asks for them. */
interface Scrape {
  readonly bytes: number;
  readonly milliseconds: number;
}

const SCRAPE_EVERY_MS = 1_000;

type Shop = Awaited<ReturnType<typeof openShop>>;

/** Until the last one is completed. */
async function placeAll(
  shop: Shop,
  placing: Omit<Orders, 'token'>,
  ask: (orders: Orders) => Promise<Accepted>,
): Promise<Figures> {
  const { booted } = shop;
  const completed = async () => {
    const [row] = await booted
      .database('orders')
      .query("SELECT count(*)::int AS n FROM orders WHERE status = 'completed'");
    return row?.n as number;
  };
  const before = await completed();
  const buyer = await shop.customer();
  const began = performance.now();
  const accepted = await ask({ ...placing, token: buyer.token });
  await eventually(async () => {
    const left = placing.orders - ((await completed()) - before);
    if (left > 0) throw new Error(`${left} of ${placing.orders} orders are not completed`);
  }, LIMIT_MS);
  const took = performance.now() - began;
  await booted.settle(LIMIT_MS);
  return { accepted: placing.orders / accepted.seconds, completed: placing.orders / (took / 1000) };
}

/** Asks for the metrics again and again while the work lasts. */
async function scraped<T>(url: string, scrapes: Scrape[], work: Promise<T>): Promise<T> {
  let over = false;
  const asking = (async () => {
    while (!over) {
      const began = performance.now();
      const { length } = await (await fetch(url)).text();
      scrapes.push({ bytes: length, milliseconds: performance.now() - began });
      await delay(SCRAPE_EVERY_MS);
    }
  })();
  try {
    return await work;
  } finally {
    over = true;
    await asking;
  }
}

interface Running {
  readonly scrapes: readonly Scrape[];
  measure(): Promise<Figures>;
  stop(): Promise<void>;
}

/** A shop that has run for a while. */
async function start(mode: Mode): Promise<Running> {
  const shop = await openShop(mode, { LOG_LEVEL: 'warn', DATABASE_CONNECTIONS: String(CONNECTIONS) });
  const products = await Promise.all(Array.from({ length: PRODUCTS }, () => shop.product({ stock: 1_000_000n })));
  const customer = await child(CUSTOMER, [shop.booted.target('orders'), ...products]);
  const at = Math.min(ORDERS, WARM_ORDERS);
  for (let placed = 0; placed < WARM_ORDERS; placed += at) await placeAll(shop, { orders: at }, customer.ask);
  const scrapes: Scrape[] = [];
  return {
    scrapes,
    measure() {
      const orders = { orders: ORDERS, perSecond: PER_SECOND };
      return scraped(`${shop.booted.ops('orders')}/metrics`, scrapes, placeAll(shop, orders, customer.ask));
    },
    async stop() {
      await customer.stop();
      await shop.booted.stop();
    },
  };
}

const dataFolder = await mkdtemp(join(tmpdir(), 'weft-bench-'));
const quiet = { info: () => {}, warn: console.error, error: console.error };
const postgres = await startEmbeddedPostgres({ dataFolder, logger: quiet, temporary: true });
try {
  process.env.WEFT_TEST_DATABASE_URL = postgres.adminUrl;
  await preparePgbench(postgres.adminUrl);
  const rounds: Record<Mode, (Figures & { readonly pgbench: number })[]> = { all: [], split: [] };
  const scrapes: Scrape[] = [];
  // One mode after the other: both at once would take more connections than the server has.
  for (const mode of CHOSEN) {
    const shop = await start(mode);
    for (let round = 1; round <= ROUNDS; round++) {
      const pgbench = await transactionsPerSecond(postgres.adminUrl, CONNECTIONS);
      const figures = await shop.measure();
      rounds[mode].push({ ...figures, pgbench });
      const { accepted, completed } = figures;
      console.log(
        `round ${round}  ${mode.padEnd(5)}  accepted ${accepted.toFixed(0)}/s  completed ${completed.toFixed(1)}/s  ` +
          `pgbench ${pgbench.toFixed(0)} transactions/s`,
      );
    }
    if (mode === CHOSEN[0]) scrapes.push(...shop.scrapes);
    await shop.stop();
  }
  // Undefined, and so not among the figures, of a mode that was not run.
  const ratio = (mode: Mode, what: keyof Figures) =>
    rounds[mode].length === 0
      ? undefined
      : Number(median(rounds[mode].map((round) => round[what] / round.pgbench)).toFixed(3));
  const took = scrapes.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  console.log(
    JSON.stringify({
      accepted_ratio: ratio('all', 'accepted'),
      completed_ratio: ratio('all', 'completed'),
      split_accepted_ratio: ratio('split', 'accepted'),
      split_completed_ratio: ratio('split', 'completed'),
      scrape_bytes: Math.max(...scrapes.map(({ bytes }) => bytes)),
      scrape_ms: Number(median(took).toFixed(1)),
      scrape_p95_ms: Number((took[Math.ceil(took.length * 0.95) - 1] ?? 0).toFixed(1)),
      scrape_worst_ms: Number(Math.max(...took).toFixed(1)),
      pgbench_per_second: Math.round(median(Object.values(rounds).flatMap((all) => all.map(({ pgbench }) => pgbench)))),
    }),
  );
} finally {
  await postgres.stop();
}
