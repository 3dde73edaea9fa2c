import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { child, median } from '../children.ts';
import type { Load } from './client.ts';

// What a unary call costs through the full kit, next to bare grpc-js and bare NestJS on the same generated code.

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const WARM_MS = 2_500;
const MEASURE_MS = 3_000;
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

async function measure([serverKind, clientKind]: readonly [string, string]): Promise<Figures> {
  const server = await child<{ port: number; token: string }>(SERVER, [serverKind], 0);
  const { port, token } = server.first;
  const client = await child(CLIENT, [clientKind, `127.0.0.1:${port}`, token], 1);
  try {
    await client.ask(WARM_MS);
    const before = await server.ask<NodeJS.CpuUsage>('usage');
    const load = await client.ask<Load>(MEASURE_MS);
    const after = await server.ask<NodeJS.CpuUsage>('usage');
    const used = after.user + after.system - before.user - before.system;
    const { calls, seconds, cpuMicroseconds, p50, p99 } = load;
    return { server: used / calls, client: cpuMicroseconds / calls, callsPerSecond: calls / seconds, p50, p99 };
  } finally {
    await client.stop();
    await server.stop();
  }
}

if (!existsSync(`${NEST}node_modules`)) {
  const installed = spawnSync('npm', ['install', '--no-package-lock', '--no-audit', '--no-fund'], {
    cwd: NEST,
    stdio: 'inherit',
  });
  if (installed.status !== 0) throw new Error('NestJS could not be installed');
}

const rounds: Record<Pair, Figures[]> = { bare: [], kit: [], nest: [], client: [] };
for (let round = 1; round <= ROUNDS; round++) {
  for (const pair of Object.keys(PAIRS) as Pair[]) {
    const figures = await measure(PAIRS[pair]);
    rounds[pair].push(figures);
    const { server, client, callsPerSecond, p50, p99 } = figures;
    console.log(
      `round ${round}  ${pair.padEnd(6)}  server ${server.toFixed(0)} us  client ${client.toFixed(0)} us  ` +
        `${callsPerSecond.toFixed(0)} calls/s  p50 ${p50.toFixed(1)} ms  p99 ${p99.toFixed(1)} ms`,
    );
  }
}
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
