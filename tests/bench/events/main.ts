import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@weft/all/embedded';
import { startNats, type TestNats } from '@weft/kit/testing';
import { median } from '../children.ts';
import { type Bench, openBench } from './bench.ts';
import { rawJetStream } from './raw.ts';

// From the outbox over JetStream to inbox and effect in PostgreSQL, next to raw JetStream and to PostgreSQL alone.

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const EVENTS = Number(process.env.EVENTS ?? 16_000);
const TRANSACTIONS = Number(process.env.TRANSACTIONS ?? 4_000);
const PAYLOAD_BYTES = 300;

interface Round {
  /** A second. */
  readonly raw: number;
  readonly rawConsume: number;
  readonly rawAlways: number;
  readonly relay: number;
  readonly alone: number;
  readonly endToEnd: number;
  /** Milliseconds from a commit to its handler, with nothing else to do. */
  readonly idle: number;
}

async function measure(bench: Bench, nats: TestNats, always: TestNats): Promise<Round> {
  const { publish: rawAlways } = await rawJetStream(always.url, EVENTS, PAYLOAD_BYTES);
  const before = await rawJetStream(nats.url, EVENTS, PAYLOAD_BYTES);
  const relay = await bench.relay(EVENTS, PAYLOAD_BYTES);
  // The machine may have become faster or slower meanwhile.
  const after = await rawJetStream(nats.url, EVENTS, PAYLOAD_BYTES);
  const raw = (before.publish + after.publish) / 2;
  const rawConsume = (before.consume + after.consume) / 2;
  const alone = await bench.alone(TRANSACTIONS);
  const endToEnd = await bench.endToEnd(TRANSACTIONS, PAYLOAD_BYTES);
  const idle = await bench.idle(100);
  return { raw, rawConsume, rawAlways, relay, alone, endToEnd, idle };
}

const dataFolder = await mkdtemp(join(tmpdir(), 'weft-bench-'));
const quiet = { info: () => {}, warn: console.error, error: console.error };
const postgres = await startEmbeddedPostgres({ dataFolder, logger: quiet, temporary: true });
process.env.WEFT_TEST_DATABASE_URL = postgres.adminUrl;
// What is said to be stored is on the disk before it is said.
const config = join(dataFolder, 'always.conf');
await writeFile(config, 'jetstream { sync_interval: always }\n');
const nats = await startNats();
const always = await startNats(['--config', config]);
try {
  const rounds: Round[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const bench = await openBench(nats.url);
    try {
      const figures = await measure(bench, nats, always);
      rounds.push(figures);
      const { raw, rawConsume, rawAlways, relay, alone, endToEnd, idle } = figures;
      console.log(
        `round ${round}  js.publish ${raw.toFixed(0)}/s (sync always ${rawAlways.toFixed(0)}/s)  pull and ack ${rawConsume.toFixed(0)}/s  relay ${relay.toFixed(0)}/s  ` +
          `PostgreSQL alone ${alone.toFixed(0)}/s  end to end ${endToEnd.toFixed(0)}/s  idle ${idle.toFixed(1)} ms`,
      );
    } finally {
      await bench.close();
    }
  }
  const of = (figure: (round: Round) => number) => Number(median(rounds.map(figure)).toFixed(3));
  console.log(
    JSON.stringify({
      relay_ratio: of(({ relay, raw }) => relay / raw),
      end_to_end_ratio: of(({ endToEnd, alone }) => endToEnd / alone),
      consume_ratio: of(({ endToEnd, rawConsume }) => endToEnd / rawConsume),
      idle_ms: of(({ idle }) => idle),
      sync_always_ratio: of(({ rawAlways, raw }) => rawAlways / raw),
    }),
  );
} finally {
  await Promise.all([nats.drop(), always.drop()]);
  await postgres.stop();
}
