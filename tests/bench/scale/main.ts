import { eventually } from '@weft/kit/testing';
import { median } from '../children.ts';
import { type Ends, openSystem, type System } from './system.ts';

// Whether a shop with a hundred times the data and the watchers answers as fast: one with all of it, next to one with a hundredth.

const SCALE = Number(process.env.SCALE ?? 1);
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SAMPLES = Number(process.env.SAMPLES ?? 400);
/** Calls of one system until it is the other's turn: what slows the machine down for a while slows both. */
const TURN = 50;
const LARGE = { products: 100_000 * SCALE, orders: 1_000_000 * SCALE, streams: 10_000 * SCALE };
const SMALL = { products: 1_000, orders: 10_000, streams: 100 };
const PAGES = { large: 1_000 * SCALE, small: 10 };

type Size = 'small' | 'large';
const systems = {} as Record<Size, System>;
const figures = new Map<string, Record<Size, number>[]>();
const ends: Ends = [];
let slowest = 0;

let stopping: Promise<void> | undefined;

async function endAll(): Promise<void> {
  for (const end of ends.reverse()) await end();
}
const stop = () => (stopping ??= endAll());
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stop().finally(() => process.exit(1)));

async function turn(system: System, name: string): Promise<number[]> {
  const operation = system.operations.get(name);
  const times: number[] = [];
  for (let call = 0; operation && call < TURN; call++) times.push(await operation());
  return times;
}

const p99 = (times: readonly number[]) => times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;

async function measure(name: string): Promise<Record<Size, number>> {
  const times: Record<Size, number[]> = { small: [], large: [] };
  for (let taken = 0; taken < SAMPLES; taken += TURN) {
    for (const size of ['small', 'large'] as const) {
      const system = systems[size];
      const changing = taken === 0 ? system.watchers({ change: 1 }) : undefined;
      times[size].push(...(await turn(system, name)));
      slowest = Math.max(slowest, (await changing)?.slowest ?? 0);
    }
  }
  return { small: p99(times.small), large: p99(times.large) };
}

const ms = (value: number) => value.toFixed(1).padStart(6);

try {
  for (const size of ['small', 'large'] as const) {
    const amounts = size === 'small' ? SMALL : LARGE;
    systems[size] = await openSystem(amounts, PAGES[size], ends);
    const { took, memory } = systems[size];
    console.log(
      `${size}: ${amounts.products} products and ${amounts.orders} orders in ${took.fill.toFixed(1)} s, ` +
        `${amounts.streams} streams in ${took.open.toFixed(1)} s, ${memory().toFixed(0)} MB`,
    );
  }
  const names = [...systems.large.operations.keys()];
  for (const name of names) for (const system of Object.values(systems)) await turn(system, name);
  for (let round = 1; round <= ROUNDS; round++) {
    for (const name of names) {
      const found = await measure(name);
      figures.set(name, [...(figures.get(name) ?? []), found]);
      console.log(`round ${round}  ${name.padEnd(14)}  p99 ${ms(found.small)} ms  ${ms(found.large)} ms`);
    }
  }
  const { resumed } = await eventually(async () => {
    const watching = await systems.large.watchers({ change: 0 });
    if (watching.open !== LARGE.streams) throw new Error(`${watching.open} streams are still open`);
    return watching;
  }, 10_000);
  const large_rss_mb = Math.round(systems.large.memory());
  const ratios = new Map(
    names.map((name) => [name, median((figures.get(name) ?? []).map((one) => one.large / one.small))]),
  );
  for (const [name, ratio] of ratios) {
    const middle = (size: Size) => median((figures.get(name) ?? []).map((one) => one[size]));
    console.log(
      `median   ${name.padEnd(14)}  p99 ${ms(middle('small'))} ms  ${ms(middle('large'))} ms  ratio ${ratio.toFixed(2)}`,
    );
  }
  console.log(`changes were told within ${slowest.toFixed(0)} ms; ${resumed} streams were resumed; ${large_rss_mb} MB`);
  console.log(
    JSON.stringify({
      worst_ratio: Number(Math.max(...ratios.values()).toFixed(3)),
      ratios: Object.fromEntries([...ratios].map(([name, ratio]) => [name, Number(ratio.toFixed(3))])),
      large_rss_mb,
    }),
  );
} finally {
  await stop();
}
