import { once } from 'node:events';
import { createServer } from 'node:http';
import { child, cpuDuring, median } from '../children.ts';
import type { Load } from '../rpc/client.ts';

// What telemetry costs a unary call: metrics, an access line and spans at one and at a hundred per cent, next to none of them.

const ROUNDS = Number(process.env.ROUNDS ?? 15);
/** Calls, not seconds: code that is not compiled yet costs several times as much, however slow the machine is. */
const WARM_CALLS = Number(process.env.WARM_CALLS ?? 20_000);
const CALLS = Number(process.env.CALLS ?? 5_000);
const SERVER = new URL('./server.ts', import.meta.url);
const CLIENT = new URL('../rpc/client.ts', import.meta.url);
const MODES = ['off', '1', '100'] as const;
type Mode = (typeof MODES)[number];

// A collector that takes everything.
const collector = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
}).listen(0, '127.0.0.1');
await once(collector, 'listening');
const endpoint = `http://127.0.0.1:${(collector.address() as { port: number }).port}`;

async function warmPair(mode: Mode) {
  const server = await child<{ port: number; token: string }>(SERVER, [mode, endpoint], 0);
  const { port, token } = server.first;
  const client = await child(CLIENT, ['bare', `127.0.0.1:${port}`, token], 1);
  await client.ask(WARM_CALLS);
  return { server, client };
}
const pairs = { off: await warmPair('off'), '1': await warmPair('1'), '100': await warmPair('100') };

/** CPU microseconds a call, of the server. */
async function measure(mode: Mode): Promise<number> {
  const { server, client } = pairs[mode];
  const { given, used } = await cpuDuring(server, () => client.ask<Load>(CALLS));
  return used / given.calls;
}

const found: Record<Mode, number[]> = { off: [], '1': [], '100': [] };
for (let round = 1; round <= ROUNDS; round++) {
  for (const mode of MODES) {
    const used = await measure(mode);
    found[mode].push(used);
    console.log(`round ${round}  ${(mode === 'off' ? mode : `${mode} %`).padEnd(6)}  ${used.toFixed(0)} us a call`);
  }
}
for (const { client, server } of Object.values(pairs)) {
  await client.stop();
  await server.stop();
}
collector.closeAllConnections();
collector.close();
// Each round's own ratio: what slows the machine down for a while slows all.
const ratio = (mode: Mode) =>
  Number(median(found[mode].map((used, index) => used / (found.off[index] as number))).toFixed(3));
console.log(JSON.stringify({ one_percent_ratio: ratio('1'), hundred_percent_ratio: ratio('100') }));
