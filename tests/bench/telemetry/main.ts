import { once } from 'node:events';
import { createServer } from 'node:http';
import { child, cpuInTurns, median, onCore } from '../children.ts';

// What telemetry costs a unary call: metrics, an access line and spans at one and at a hundred per cent, next to none of them.

/** Each of processes of its own: two with the same code differ by as much as is looked for. */
const SETS = Number(process.env.SETS ?? 5);
const ROUNDS = Number(process.env.ROUNDS ?? 6);
/** Calls, not seconds, however slow the machine is: the last code is compiled after some thirty thousand. */
const WARM_CALLS = Number(process.env.WARM_CALLS ?? 40_000);
const CALLS = Number(process.env.CALLS ?? 2_500);
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

/** CPU microseconds a call, of servers that are asked in turns. */
async function measure(): Promise<Record<Mode, number>> {
  const pairs = { off: await warmPair('off'), '1': await warmPair('1'), '100': await warmPair('100') };
  return cpuInTurns<Mode>(pairs, { turns: ROUNDS, calls: CALLS });
}

onCore(1, process.pid);
const found: Record<Mode, number>[] = [];
for (let set = 1; set <= SETS; set++) {
  const spent = await measure();
  found.push(spent);
  console.log(`set ${set}  us a call: ${MODES.map((mode) => `${mode} ${spent[mode].toFixed(0)}`).join('  ')}`);
}
collector.closeAllConnections();
collector.close();
// Each set's own ratio: what slows the machine down for a while slows all.
const ratio = (mode: Mode) => Number(median(found.map((spent) => spent[mode] / spent.off)).toFixed(3));
console.log(JSON.stringify({ one_percent_ratio: ratio('1'), hundred_percent_ratio: ratio('100') }));
