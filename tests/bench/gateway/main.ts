import { setTimeout } from 'node:timers/promises';
import { child, cpuDuring, median } from '../children.ts';
import { HANGING } from './reply.ts';

// What GetProduct costs the gateway (token checked, limits on, one hop behind) next to connect-node that answers from memory.

const ROUNDS = Number(process.env.ROUNDS ?? 5);
/** Calls, not seconds: code that is not compiled yet costs several times as much, however slow the machine is. */
const WARM_CALLS = Number(process.env.WARM_CALLS ?? 10_000);
const CALLS = Number(process.env.CALLS ?? 10_000);
/** At an even pace, far below what the gateway can do: what is measured is who keeps whom waiting. */
const PACED_CALLS = Number(process.env.PACED_CALLS ?? 1_200);
const PER_SECOND = 300;
const SERVER = new URL('./server.ts', import.meta.url);
const CLIENT = new URL('./client.ts', import.meta.url);

interface Ports {
  readonly http: number;
  readonly h2c: number;
}

/** What is asked of the gateway, and of the other. */
const KINDS = { grpc: ['grpc', 'grpc'], connect: ['connect', 'connect'], rest: ['rest', 'json'] } as const;
type Kind = keyof typeof KINDS;

const catalog = await child<{ target: string; jwksUrl: string; token: string }>(SERVER, ['catalog'], 1);
const { target, jwksUrl, token } = catalog.first;
const orders = await child<{ target: string }>(SERVER, ['hung'], 1);
const gateway = await child<Ports>(SERVER, ['gateway', target, jwksUrl, orders.first.target], 0);
const bare = await child<Ports>(SERVER, ['bare'], 0);

const warm = new Set<string>();

/** CPU microseconds a call. */
async function measure(server: typeof gateway, kind: string): Promise<number> {
  const port = kind === 'rest' || kind === 'json' ? server.first.http : server.first.h2c;
  const client = await child(CLIENT, [kind, `${port}`, token], 1);
  try {
    await client.ask(warm.has(`${port} ${kind}`) ? CALLS / 10 : WARM_CALLS);
    warm.add(`${port} ${kind}`);
    const { used } = await cpuDuring(server, () => client.ask(CALLS));
    return used / CALLS;
  } finally {
    await client.stop();
  }
}

/** How many times as long 99 of 100 calls take while a hundred others wait for a service that never answers. */
async function hungRatio(): Promise<number> {
  const port = String(gateway.first.http);
  const client = await child(CLIENT, ['rest', port, token], 1);
  const p99 = () => client.ask<number>({ calls: PACED_CALLS, perSecond: PER_SECOND });
  const found: number[] = [];
  try {
    await client.ask(WARM_CALLS / 5);
    await p99();
    for (let round = 1; round <= ROUNDS; round++) {
      const alone = await p99();
      const before = await orders.ask<number>('hanging');
      const hanging = await child(CLIENT, ['hanging', port, token], 1);
      const end = performance.now() + 60_000;
      while ((await orders.ask<number>('hanging')) < before + HANGING) {
        if (performance.now() > end) throw new Error(`not ${HANGING} calls hang`);
        await setTimeout(50);
      }
      const beside = await p99();
      await hanging.stop();
      found.push(beside / alone);
      console.log(`round ${round}  hung     p99 ${beside.toFixed(1)} ms  without it ${alone.toFixed(1)} ms`);
    }
  } finally {
    await client.stop();
  }
  return median(found);
}

const chosen = (process.env.KINDS?.split(',') ?? Object.keys(KINDS)) as Kind[];
const ratios: Record<Kind, number[]> = { grpc: [], connect: [], rest: [] };
for (let round = 1; round <= ROUNDS; round++) {
  for (const kind of chosen) {
    const [ours, theirs] = KINDS[kind];
    const through = await measure(gateway, ours);
    const plain = await measure(bare, theirs);
    ratios[kind].push(through / plain);
    console.log(
      `round ${round}  ${kind.padEnd(8)} gateway ${through.toFixed(0)} us  bare connect-node ${plain.toFixed(0)} us`,
    );
  }
}
const hung = process.env.HUNG === '0' ? undefined : await hungRatio();
await Promise.all([gateway.stop(), orders.stop(), bare.stop(), catalog.stop()]);
const ratio = (kind: Kind) => Number(median(ratios[kind]).toFixed(3));
const figures = Object.fromEntries(chosen.map((kind) => [`${kind}_cpu_ratio`, ratio(kind)]));
console.log(JSON.stringify({ ...figures, ...(hung !== undefined && { hung_p99_ratio: Number(hung.toFixed(3)) }) }));
