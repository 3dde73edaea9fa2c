import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@weft/all/embedded';
import { eventually } from '@weft/kit/testing';
import { MODES, type Mode, openShop } from '../../flows/shop.ts';
import { child, median } from '../children.ts';
import type { Accepted, Orders } from './customer.ts';
import { preparePgbench, transactionsPerSecond } from './pgbench.ts';

// Whole orders a second, in one process and in one a service, next to what the same PostgreSQL writes for pgbench.

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const WARM_ORDERS = 300;
const ORDERS = Number(process.env.ORDERS ?? 600);
const CONNECTIONS = 16;
const PRODUCTS = 100;
const LIMIT_MS = 120_000;
const CUSTOMER = new URL('./customer.ts', import.meta.url);

interface Figures {
  /** A second: answered by PlaceOrder, and come to their end state. */
  readonly accepted: number;
  readonly completed: number;
}

type Shop = Awaited<ReturnType<typeof openShop>>;

/** All orders have been placed at once as fast as they were accepted: until the last one is completed. */
async function placeAll(shop: Shop, orders: number, ask: (orders: Orders) => Promise<Accepted>): Promise<Figures> {
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
  const accepted = await ask({ token: buyer.token, orders });
  await eventually(async () => {
    const left = orders - ((await completed()) - before);
    if (left > 0) throw new Error(`${left} of ${orders} orders are not completed`);
  }, LIMIT_MS);
  const took = performance.now() - began;
  await booted.settle(LIMIT_MS);
  return { accepted: orders / accepted.seconds, completed: orders / (took / 1000) };
}

async function measure(mode: Mode): Promise<Figures> {
  const shop = await openShop(mode, { LOG_LEVEL: 'warn', DATABASE_CONNECTIONS: String(CONNECTIONS) });
  try {
    const products = await Promise.all(Array.from({ length: PRODUCTS }, () => shop.product({ stock: 1_000_000n })));
    const customer = await child(CUSTOMER, [shop.booted.target('orders'), ...products]);
    try {
      await placeAll(shop, WARM_ORDERS, customer.ask);
      return await placeAll(shop, ORDERS, customer.ask);
    } finally {
      await customer.stop();
    }
  } finally {
    await shop.booted.stop();
  }
}

const dataFolder = await mkdtemp(join(tmpdir(), 'weft-bench-'));
const quiet = { info: () => {}, warn: console.error, error: console.error };
const postgres = await startEmbeddedPostgres({ dataFolder, logger: quiet, temporary: true });
try {
  process.env.WEFT_TEST_DATABASE_URL = postgres.adminUrl;
  await preparePgbench(postgres.adminUrl);
  const rounds: (Record<Mode, Figures> & { pgbench: number })[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const pgbench = await transactionsPerSecond(postgres.adminUrl, CONNECTIONS);
    console.log(`round ${round}  pgbench  ${pgbench.toFixed(0)} transactions/s`);
    const figures = {} as Record<Mode, Figures>;
    for (const mode of MODES) {
      figures[mode] = await measure(mode);
      const { accepted, completed } = figures[mode];
      console.log(
        `round ${round}  ${mode.padEnd(7)}  accepted ${accepted.toFixed(0)}/s  completed ${completed.toFixed(1)}/s`,
      );
    }
    rounds.push({ ...figures, pgbench });
  }
  const ratio = (mode: Mode, what: keyof Figures) =>
    Number(median(rounds.map((round) => round[mode][what] / round.pgbench)).toFixed(3));
  console.log(
    JSON.stringify({
      accepted_ratio: ratio('all', 'accepted'),
      completed_ratio: ratio('all', 'completed'),
      split_accepted_ratio: ratio('split', 'accepted'),
      split_completed_ratio: ratio('split', 'completed'),
      pgbench_per_second: Math.round(median(rounds.map(({ pgbench }) => pgbench))),
    }),
  );
} finally {
  await postgres.stop();
}
