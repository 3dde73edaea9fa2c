import { parseArgs } from 'node:util';
import { findCluster } from './cluster.ts';
import { whyNotOurs } from './namespaces.ts';
import { whyNotReached } from './rivals.ts';

const QUICK = ['quick', 'matrix', 'traffic', 'valid'] as const;
const SLOW = ['measured', 'shifts', 'canary', 'replay', 'tokens', 'traces', 'rolling'] as const;
const NAMES: readonly (typeof QUICK | typeof SLOW)[number][] = [...QUICK, ...SLOW];

const HELP = `npm run test:cluster [-- OPTIONS]: the system in the cluster that kubectl's current context names, in a namespace of its own
(WEFT_TEST_NAMESPACE, weft-test), which it deletes before and after. The images are there (npm run images). Without a cluster it
says so and ends.

  --quick        only what takes a few minutes: ${QUICK.join(', ')}
  --only PARTS   parts, separated by commas: ${NAMES.join(', ')}
  --keep         leaves the system where it is
  --installed    tests what a run with --keep has left
`;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    keep: { type: 'boolean', default: false },
    installed: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const wanted: readonly string[] = options.only?.split(',') ?? (options.quick ? QUICK : NAMES);
const unknown = wanted.filter((name) => !NAMES.some((known) => known === name));

if (options.help) process.stdout.write(HELP);
else if (unknown.length > 0) refuse(`no such part: ${unknown.join(', ')}; there are ${NAMES.join(', ')}`);
else await main();

async function main(): Promise<void> {
  const found = await findCluster();
  if (typeof found === 'string') return console.log(`cluster tests skipped: ${found}`);
  const why = (await whyNotOurs(found, found.namespace)) ?? (await whyNotReached(found));
  if (why) return refuse(why);
  console.log(`cluster ${found.context}, namespace ${found.namespace}`);
  const { quick } = await import('./quick.ts');
  const { valid } = await import('./valid.ts');
  const { rolling } = await import('./rolling.ts');
  const { canary } = await import('./canary.ts');
  const { matrix } = await import('./matrix.ts');
  const { shifts, traffic } = await import('./traffic.ts');
  const { replay } = await import('./replay.ts');
  const { tokens } = await import('./tokens.ts');
  const { traces } = await import('./traces.ts');
  const { measured } = await import('./measured.ts');
  const { whole } = await import('./whole.ts');
  const all = { quick, matrix, traffic, valid, measured, shifts, canary, replay, tokens, traces, rolling };
  whole(
    found,
    options,
    NAMES.filter((name) => wanted.includes(name)).map((name) => [name, all[name]] as const),
  );
}

function refuse(why: string): void {
  console.error(`cluster tests refused: ${why}`);
  process.exitCode = 1;
}
