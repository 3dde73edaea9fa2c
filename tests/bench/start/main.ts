import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startEmbeddedPostgres } from '@weft/all/embedded';
import { services as listed } from '@weft/all/services';
import { hasNats, openStage, startNats } from '@weft/kit/testing';
import { bundle } from '../../../scripts/bundle.ts';
import { median } from '../children.ts';
import { type Program, runOnce, type Start, start } from './started.ts';

// How long a bundled service takes from the start of its process until it listens, next to `node` with nothing to do and to a bare
// grpc-js server, and what memory it has at rest. Its tables and streams are there, as with every start but the first. Folders that
// `npm run build -- FOLDER` made are measured in turns: bench:start -- BEFORE AFTER

const ROUNDS = Number(process.env.ROUNDS ?? 7);
/** A start needs more for a moment: V8 gives back what it does not need once nothing happens. */
const REST_MS = Number(process.env.REST_MS ?? 15_000);
const BUS = process.env.BUS ?? (hasNats ? 'nats' : 'postgres');
const ALL = listed.map(({ spec }) => spec.name);
const SERVICES = process.env.SERVICES?.split(',') ?? ALL;
const ROOT = join(import.meta.dirname, '../../..');

const folders = process.argv.slice(2).map((folder) => resolve(folder));
await mkdir(join(ROOT, '.cache'), { recursive: true });
// In the project, so that what is not bundled is found.
const own = await mkdtemp(join(ROOT, '.cache/start-'));
const data = await mkdtemp(join(tmpdir(), 'weft-bench-'));
const quiet = { info: () => {}, warn: console.error, error: console.error };
const postgres = await startEmbeddedPostgres({ dataFolder: data, logger: quiet, temporary: true });
const nats = BUS === 'nats' ? await startNats() : undefined;
process.env.WEFT_TEST_DATABASE_URL = postgres.adminUrl;
const { stage, environment, drop } = await openStage(
  [...ALL, 'bare'].map((name) => [name]),
  { env: { NODE_ENV: 'production', ...(nats && { NATS_URL: nats.url }) } },
);

try {
  const programs = new Map<string, Program>();
  await bundle({ entryPoints: { bare: join(import.meta.dirname, 'bare.ts') }, outdir: own });
  if (folders.length === 0) {
    const built = spawnSync(process.execPath, [join(ROOT, 'scripts/build.ts'), join(own, 'dist'), ...SERVICES]);
    if (built.status !== 0) throw new Error(`the bundles cannot be made: ${built.stderr}`);
    folders.push(join(own, 'dist'));
  }
  const program = (name: string, main: string): Program => {
    const port = Number(stage.target(name).split(':')[1]);
    return { main, env: { PATH: process.env.PATH, ...environment(name) }, port };
  };
  programs.set('bare', program('bare', join(own, 'bare.js')));
  const prefix = (folder: string) => (folders.length > 1 ? `${folders.indexOf(folder) + 1} ` : '');
  for (const name of SERVICES)
    for (const folder of folders) programs.set(`${prefix(folder)}${name}`, program(name, join(folder, `${name}.js`)));

  const found = new Map<string, Start[]>([...programs.keys()].map((name) => [name, []]));
  const node: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const nothing = await runOnce(['-e', '0']);
    // The first start makes tables and streams, and the system reads the files.
    if (round > 0) node.push(nothing);
    for (const [name, one] of programs) {
      const started = await start(one);
      await started.stop();
      if (round > 0) found.get(name)?.push(started);
    }
  }
  const resting = new Map<string, number>();
  for (const folder of folders) {
    const together = SERVICES.map((name) => `${prefix(folder)}${name}`);
    const started = await Promise.all(
      ['bare', ...together].map(async (name) => [name, await start(programs.get(name) as Program)] as const),
    );
    await delay(REST_MS);
    for (const [name, one] of started) resting.set(name, one.memory());
    await Promise.all(started.map(([, one]) => one.stop()));
  }

  const of = (name: string, what: keyof Start) => median((found.get(name) ?? []).map((one) => one[what]));
  for (const name of programs.keys()) {
    const figure = (what: keyof Start) => `${what} ${of(name, what).toFixed(0).padStart(4)} ms`;
    const figures = [figure('listening'), figure('ready'), figure('cpu'), `rest ${resting.get(name)?.toFixed(0)} MB`];
    console.log(`${name.padEnd(16)}  ${figures.join('  ')}`);
  }
  const last = SERVICES.map((name) => `${prefix(folders.at(-1) ?? '')}${name}`);
  const worst = (what: keyof Start) => Math.max(...last.map((name) => of(name, what)));
  // Each round's own ratio: what slows the machine down for a while slows both.
  const ratio = (name: string) =>
    median(
      (found.get(name) ?? []).map(({ listening }, round) => listening / (found.get('bare')?.[round]?.listening ?? 0)),
    );
  console.log(
    JSON.stringify({
      bus: BUS,
      node_ms: Number(median(node).toFixed(1)),
      bare_ms: Number(of('bare', 'listening').toFixed(1)),
      listen_ms: Number(worst('listening').toFixed(1)),
      ready_ms: Number(worst('ready').toFixed(1)),
      ratio: Number(Math.max(...last.map(ratio)).toFixed(2)),
      rest_mb: Number(Math.max(...last.map((name) => resting.get(name) ?? 0)).toFixed(1)),
    }),
  );
} finally {
  await drop();
  await nats?.drop();
  await postgres.stop();
  await rm(own, { recursive: true, force: true });
}
