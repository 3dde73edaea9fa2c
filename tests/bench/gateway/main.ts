import { setTimeout } from 'node:timers/promises';
import { child, cpuInTurns, median, type Pair } from '../children.ts';
import { HANGING_MS } from './reply.ts';

// What GetProduct costs the gateway (token checked, limits on, one hop behind) next to connect-node that answers from memory.

const ROUNDS = Number(process.env.ROUNDS ?? 5);
/** Calls, not seconds, however slow the machine is: the last code is compiled after some thirty thousand. */
const WARM_CALLS = Number(process.env.WARM_CALLS ?? 40_000);
const HUNG_WARM_CALLS = WARM_CALLS / 20;
const TURNS = Number(process.env.TURNS ?? 6);
const CALLS = Number(process.env.CALLS ?? 2_500);
/** At an even pace, far below what the gateway can do: what is measured is who keeps whom waiting. */
const PACED_CALLS = Number(process.env.PACED_CALLS ?? 1_200);
const PER_SECOND = 150;
/** The default, and one that a hundred callers do not come to: then nothing spares the gateway who hangs. */
const BREAKER_FAILURES = 5;
const NEVER = 1_000;
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
const startGateway = (breakerFailures: number) =>
  child<Ports>(SERVER, ['gateway', target, jwksUrl, orders.first.target, String(breakerFailures)], 0);
const startBare = () => child<Ports>(SERVER, ['bare'], 0);

async function warmPair(server: Awaited<ReturnType<typeof startBare>>, kind: string): Promise<Pair> {
  const port = kind === 'rest' || kind === 'json' ? server.first.http : server.first.h2c;
  const client = await child(CLIENT, [kind, `${port}`, token], 1);
  await client.ask(WARM_CALLS);
  return { server, client };
}

/** Of two gateways side by side, one with a service behind it that never answers: what the calls of other routes took, in milliseconds. */
async function hungRatio(what: string, breakerFailures: number): Promise<number> {
  const pair = await Promise.all(
    [0, 1].map(async () => {
      const server = await startGateway(breakerFailures);
      const port = String(server.first.http);
      return { server, port, client: await child(CLIENT, ['rest', port, token], 1) };
    }),
  );
  const paced = ({ client }: (typeof pair)[number]) =>
    client.ask<number[]>({ calls: PACED_CALLS, perSecond: PER_SECOND });
  const found: Record<'alone' | 'beside', number[]> = { alone: [], beside: [] };
  try {
    for (const { client } of pair) await client.ask(HUNG_WARM_CALLS);
    await Promise.all(pair.map(paced));
    // Who has it changes: whatever else differs between the two is in both.
    for (let round = 0; round < 2 * Math.ceil(ROUNDS / 2); round++) {
      const [beside, alone] = round % 2 === 0 ? pair : pair.toReversed();
      if (!beside || !alone) break;
      const hanging = await child(CLIENT, ['hanging', beside.port, token], 1);
      // So many hang by then, or the breaker spares them.
      await setTimeout(HANGING_MS);
      const [slow, usual] = await Promise.all([paced(beside), paced(alone)]);
      await hanging.stop();
      found.beside.push(p99(slow));
      found.alone.push(p99(usual));
    }
  } finally {
    await Promise.all(pair.flatMap(({ server, client }) => [client.stop(), server.stop()]));
  }
  const [beside, alone] = [median(found.beside), median(found.alone)];
  console.log(`hung, ${what}: p99 ${beside.toFixed(1)} ms, without it at the same time ${alone.toFixed(1)} ms`);
  // Each round's own ratio: what holds the machine up for a moment holds up both, and not in most rounds.
  return median(found.beside.map((one, round) => one / (found.alone[round] as number)));
}

/** What 99 of 100 take at most. */
const p99 = (took: readonly number[]): number =>
  took.toSorted((one, other) => one - other)[Math.floor(took.length * 0.99)] as number;

const rounded = (ratio: number): number => Number(ratio.toFixed(3));
const chosen = (process.env.KINDS?.split(',') ?? Object.keys(KINDS)) as Kind[];
const ratios: Record<Kind, number[]> = { grpc: [], connect: [], rest: [] };
for (let round = 1; round <= ROUNDS; round++) {
  for (const kind of chosen) {
    const [ours, theirs] = KINDS[kind];
    // Of two processes with the same code one may be slower by a tenth for as long as it lives.
    const [gateway, bare] = await Promise.all([startGateway(BREAKER_FAILURES), startBare()]);
    const pairs = { through: await warmPair(gateway, ours), plain: await warmPair(bare, theirs) };
    const { through, plain } = await cpuInTurns(pairs, { turns: TURNS, calls: CALLS });
    ratios[kind].push(through / plain);
    console.log(
      `round ${round}  ${kind.padEnd(8)} gateway ${through.toFixed(0)} us  bare connect-node ${plain.toFixed(0)} us`,
    );
  }
}
const hung =
  process.env.HUNG === '0'
    ? {}
    : {
        hung_p99_ratio: rounded(await hungRatio('with its breaker', BREAKER_FAILURES)),
        hung_without_breaker_p99_ratio: rounded(await hungRatio('without a breaker', NEVER)),
      };
await Promise.all([orders.stop(), catalog.stop()]);
const figures = Object.fromEntries(chosen.map((kind) => [`${kind}_cpu_ratio`, rounded(median(ratios[kind]))]));
console.log(JSON.stringify({ ...figures, ...hung }));
