import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '@weft/all/embedded';
import { services } from '@weft/all/services';
import { startNats } from '@weft/kit/testing';
import { bundled } from '../flows/bundles.ts';
import { mainOf, openShop } from '../flows/shop.ts';
import { shopOn } from './customers.ts';
import { hunt } from './hunt.ts';
import { Coverage, pointsOf } from './points.ts';
import { judge } from './verdict.ts';

// Kills every process of a shop again and again while orders are placed, and finds out what was lost or done twice.

const { values } = parseArgs({
  options: {
    orders: { type: 'string', default: '5000' },
    kills: { type: 'string', default: '500' },
    minutes: { type: 'string', default: '14' },
    /** postgres or jetstream. */
    bus: { type: 'string', default: 'jetstream' },
    /** Services that are dead at a time, at most. */
    hunters: { type: 'string', default: '3' },
    /** Services to kill, separated by commas; all where it is absent. */
    hunt: { type: 'string' },
    /** Succeeds only when it finds any: duplicates or ghosts. */
    expect: { type: 'string' },
    /** Mistakes that have to be found. */
    'inbox-off': { type: 'boolean', default: false },
    'publish-before-commit': { type: 'boolean', default: false },
  },
});
const ORDERS = Number(values.orders);
const KILLS = Number(values.kills);
const LIMIT_MS = Number(values.minutes) * 60_000;
/** The gateway has nothing to lose. */
const SERVICES = [...services.flatMap(({ spec }) => (spec.migrations ? [spec.name] : [])), 'ledger'];
/** So many, and it comes by every point. */
const FULL_KILLS = 500;
const PRODUCTS = 40;
const STOCK = 2_000n;
const SCARCE = 60n;
const SERVER_KILLS = 3;
const MOST_AHEAD = 0.02;
const SETTLE_MS = 240_000;
/** What a mistake has left behind may never come to an end; a carrier that collects later keeps an order still for less. */
const FAULTY_STILL_MS = 45_000;

const faults = (['inbox-off', 'publish-before-commit'] as const).filter((name) => values[name]);
const dataFolder = await mkdtemp(join(tmpdir(), 'weft-crash-'));
const quiet = { info: () => {}, warn: () => {}, error: () => {} };
let postgres = await startEmbeddedPostgres({ dataFolder, logger: quiet });
process.env.WEFT_TEST_DATABASE_URL = postgres.adminUrl;

const nats = values.bus === 'jetstream' ? await startNats() : undefined;
const bundles = await bundled(
  SERVICES.map((name) => {
    const main = name === 'ledger' ? join(import.meta.dirname, 'ledger.ts') : mainOf(name);
    return { services: [name], main };
  }),
);
const shop = await openShop(bundles.processes, {
  LOG_LEVEL: 'error',
  DATABASE_CONNECTIONS: faults.includes('publish-before-commit') ? '40' : '4',
  SHIPPING_CARRIER_DELAY_MS: '20000',
  WEFT_FAULTS: faults.join(','),
  ...(nats && { NATS_URL: nats.url, NATS_ACK_WAIT_MS: '3000' }),
});
const { booted } = shop;
const began = performance.now();
const kills = new Map<string, number>();
const accepted: string[] = [];
const killed = () => [...kills.values()].reduce((sum, count) => sum + count, 0);
const enough = () => accepted.length >= ORDERS && killed() >= KILLS;
const ahead = () => killed() / KILLS > accepted.length / ORDERS + MOST_AHEAD;
let failed = false;
// A run of all services with the usual number of kills comes by every point, unless it ends at a mistake.
const full = values.hunt === undefined && faults.length === 0 && KILLS >= FULL_KILLS;
let coverage: Coverage | undefined;
const over = () =>
  failed || (enough() && (!full || coverage?.isComplete === true)) || performance.now() - began > LIMIT_MS;
const noteKill = (what: string) => void kills.set(what, (kills.get(what) ?? 0) + 1);

async function consumersOf(service: string) {
  const client = shop.eventOperations(service);
  const { consumers } = await client.listConsumers({});
  client.close();
  return [service, consumers] as const;
}

/** Its server's process dies, with all connections and what it had not written yet. */
async function killDatabase(): Promise<void> {
  const { port } = postgres;
  const pidFile = join(dataFolder, 'postgres/data/postmaster.pid');
  process.kill(Number((await readFile(pidFile, 'utf8')).split('\n')[0]), 'SIGKILL');
  noteKill('postgres');
  await postgres.failed;
  await postgres.stop();
  postgres = await startEmbeddedPostgres({ dataFolder, port, logger: quiet });
}

async function killBroker(): Promise<void> {
  if (!nats) return;
  await nats.kill();
  noteKill('nats');
  await nats.start();
}

/** What all of them stand on dies more seldom. */
async function killServers(): Promise<void> {
  const servers = Array.from({ length: SERVER_KILLS }, () => [killDatabase, killBroker]).flat();
  for (const [index, kill] of servers.entries()) {
    const share = (index + 1) / (servers.length + 1);
    while (!over() && (accepted.length < ORDERS * share || killed() < KILLS * share)) await delay(200);
    if (!over()) await kill();
  }
}

async function report(): Promise<void> {
  while (!over()) {
    await delay(15_000);
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(`${seconds} s: ${accepted.length} orders accepted, ${killed()} kills`);
  }
}

try {
  const products: string[] = [];
  const stock = new Map<string, bigint>();
  for (let count = 0; count < PRODUCTS; count++) {
    const pieces = count % 10 === 9 ? SCARCE : STOCK;
    const product = await shop.product({ price: BigInt(100 + count), stock: pieces });
    products.push(product);
    stock.set(product, pieces);
  }
  const consumers = Object.fromEntries(await Promise.all(SERVICES.map(consumersOf)));
  const covered = new Coverage(pointsOf(values.hunt?.split(',') ?? SERVICES, consumers));
  coverage = covered;
  const busy = new Set<string>();
  const work = [
    shopOn({ shop, products, inFlight: 12, mostOpen: 150, over, accepted: (id) => void accepted.push(id) }),
    killServers(),
    ...Array.from({ length: Number(values.hunters) }, () =>
      hunt({ booted, coverage: covered, busy, kills, over, ahead, killed: noteKill }),
    ),
  ];
  void report();
  const outcomes = await Promise.allSettled(
    work.map((one) =>
      one.catch((error) => {
        failed = true;
        throw error;
      }),
    ),
  );
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  const minutes = (performance.now() - began) / 60_000;
  await booted.reconnected();
  const stillMs = faults.length > 0 ? FAULTY_STILL_MS : SETTLE_MS;
  const findings = await judge(booted, accepted, stock, { settleMs: SETTLE_MS, stillMs });

  const rows = covered.rows();
  console.log('\nservice         kills  points hit');
  for (const [name, count] of kills) {
    const row = rows.find(({ service }) => service === name);
    const hit = row ? `${row.points - row.never.length} of ${row.points}` : '';
    console.log(`${name.padEnd(14)}  ${String(count).padStart(5)}  ${hit}`);
    for (const point of row?.never ?? []) console.log(`                       never came by ${point}`);
  }
  console.log();
  for (const { promise, broken } of findings) {
    const mark = broken.length === 0 ? 'kept  ' : 'BROKEN';
    console.log(
      `${mark}  ${promise}${broken.length === 0 ? '' : `: ${broken.length}, ${broken.slice(0, 3).join(', ')}`}`,
    );
  }
  const count = (kind: string) =>
    findings.filter((one) => one.kind === kind).reduce((sum, { broken }) => sum + broken.length, 0);
  const figures = {
    orders: accepted.length,
    kills: killed(),
    minutes: Number(minutes.toFixed(1)),
    points: rows.reduce((sum, row) => sum + row.points, 0),
    points_hit: rows.reduce((sum, row) => sum + row.points - row.never.length, 0),
    open: count('open'),
    lost: count('lost'),
    duplicates: count('duplicate'),
    ghosts: count('ghost'),
  };
  console.log(JSON.stringify(figures));
  const done = accepted.length >= ORDERS && killed() >= KILLS;
  if (!done) console.error(`not enough in ${values.minutes} minutes`);
  const everywhere = !full || figures.points_hit === figures.points;
  if (!everywhere) console.error(`${figures.points - figures.points_hit} points were never hit`);
  const { expect } = values;
  const asWanted = expect ? count(expect.replace(/s$/, '')) > 0 : findings.every(({ broken }) => broken.length === 0);
  process.exitCode = done && everywhere && asWanted ? 0 : 1;
} finally {
  await booted.stop();
  await nats?.drop();
  await postgres.stop();
  await bundles.remove();
  await rm(dataFolder, { recursive: true, force: true });
}
