import { child, median } from '../children.ts';

// What GetProduct costs the gateway (token checked, limits on, one hop behind) next to connect-node that answers from memory.

const ROUNDS = Number(process.env.ROUNDS ?? 5);
/** Calls, not seconds: code that is not compiled yet costs several times as much, however slow the machine is. */
const WARM_CALLS = Number(process.env.WARM_CALLS ?? 10_000);
const CALLS = Number(process.env.CALLS ?? 10_000);
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
const gateway = await child<Ports>(SERVER, ['gateway', target, jwksUrl], 0);
const bare = await child<Ports>(SERVER, ['bare'], 0);

const warm = new Set<string>();

/** CPU microseconds a call. */
async function measure(server: typeof gateway, kind: string): Promise<number> {
  const port = kind === 'rest' || kind === 'json' ? server.first.http : server.first.h2c;
  const client = await child(CLIENT, [kind, `${port}`, token], 1);
  try {
    await client.ask(warm.has(`${port} ${kind}`) ? CALLS / 10 : WARM_CALLS);
    warm.add(`${port} ${kind}`);
    const before = await server.ask<NodeJS.CpuUsage>('usage');
    await client.ask(CALLS);
    const after = await server.ask<NodeJS.CpuUsage>('usage');
    return (after.user + after.system - before.user - before.system) / CALLS;
  } finally {
    await client.stop();
  }
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
await Promise.all([gateway.stop(), bare.stop(), catalog.stop()]);
const ratio = (kind: Kind) => Number(median(ratios[kind]).toFixed(3));
console.log(JSON.stringify(Object.fromEntries(chosen.map((kind) => [`${kind}_cpu_ratio`, ratio(kind)]))));
