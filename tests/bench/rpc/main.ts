import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { child, cpuDuring, median } from '../children.ts';
import type { Load } from './client.ts';

// What a unary call costs through the full kit, next to bare grpc-js and bare NestJS on the same generated code.

const ROUNDS = Number(process.env.ROUNDS ?? 7);
/** Calls, not seconds, however slow the machine is: the last code is compiled after some thirty thousand. */
const WARM_CALLS = Number(process.env.WARM_CALLS ?? 40_000);
const CALLS = Number(process.env.CALLS ?? 5_000);
const SERVER = new URL('./server.ts', import.meta.url);
const CLIENT = new URL('./client.ts', import.meta.url);
const NEST = fileURLToPath(new URL('./nest/', import.meta.url));

interface Figures {
  /** CPU microseconds a call. */
  readonly server: number;
  readonly client: number;
  readonly callsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
}

const PAIRS = {
  bare: ['bare', 'bare'],
  kit: ['kit', 'bare'],
  nest: ['nest', 'bare'],
  client: ['bare', 'kit'],
} as const;
type Pair = keyof typeof PAIRS;

if (!existsSync(`${NEST}node_modules`)) {
  const installed = spawnSync('npm', ['install', '--no-package-lock', '--no-audit', '--no-fund'], {
    cwd: NEST,
    stdio: 'inherit',
  });
  if (installed.status !== 0) throw new Error('NestJS could not be installed');
}

const start = (kind: string) => child<{ port: number; token: string }>(SERVER, [kind], 0);
const servers = { bare: await start('bare'), kit: await start('kit'), nest: await start('nest') };
const clientOf = async ([serverKind, clientKind]: (typeof PAIRS)[Pair]) => {
  const { port, token } = servers[serverKind].first;
  const client = await child(CLIENT, [clientKind, `127.0.0.1:${port}`, token], 1);
  await client.ask(WARM_CALLS);
  return client;
};
const clients = {
  bare: await clientOf(PAIRS.bare),
  kit: await clientOf(PAIRS.kit),
  nest: await clientOf(PAIRS.nest),
  client: await clientOf(PAIRS.client),
};

async function measure(pair: Pair): Promise<Figures> {
  const { given, used } = await cpuDuring(servers[PAIRS[pair][0]], () => clients[pair].ask<Load>(CALLS));
  const { calls, seconds, cpuMicroseconds, p50, p99 } = given;
  return { server: used / calls, client: cpuMicroseconds / calls, callsPerSecond: calls / seconds, p50, p99 };
}

const rounds: Record<Pair, Figures[]> = { bare: [], kit: [], nest: [], client: [] };
for (let round = 1; round <= ROUNDS; round++) {
  for (const pair of Object.keys(PAIRS) as Pair[]) {
    const figures = await measure(pair);
    rounds[pair].push(figures);
    const { server, client, callsPerSecond, p50, p99 } = figures;
    console.log(
      `round ${round}  ${pair.padEnd(6)}  server ${server.toFixed(0)} us  client ${client.toFixed(0)} us  ` +
        `${callsPerSecond.toFixed(0)} calls/s  p50 ${p50.toFixed(1)} ms  p99 ${p99.toFixed(1)} ms`,
    );
  }
}
await Promise.all(Object.values(clients).map((client) => client.stop()));
await Promise.all(Object.values(servers).map((server) => server.stop()));
// Each round's own ratio: what slows the machine down for a while slows both.
const ratio = (of: Pair, what: keyof Figures) =>
  Number(median(rounds[of].map((one, index) => one[what] / (rounds.bare[index] as Figures)[what])).toFixed(3));
console.log(
  JSON.stringify({
    cpu_ratio: ratio('kit', 'server'),
    client_cpu_ratio: ratio('client', 'client'),
    throughput_ratio: ratio('kit', 'callsPerSecond'),
    nest_cpu_ratio: ratio('nest', 'server'),
  }),
);
