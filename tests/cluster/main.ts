import { parseArgs } from 'node:util';
import { findCluster } from './cluster.ts';
import { whyNotOurs } from './namespaces.ts';
import { whyNotReached } from './rivals.ts';

// npm run test:cluster [-- --quick] [--only PARTS] [--keep] [--installed]: the system in the cluster that kubectl's current context names, in a
// namespace of its own (WEFT_TEST_NAMESPACE, weft-test), which it deletes before and after. The images are there (npm run images). Without a cluster it says so and ends.

export const { values: options } = parseArgs({
  options: {
    /** Only what takes a few minutes. */
    quick: { type: 'boolean', default: false },
    /** Leaves the system where it is. */
    keep: { type: 'boolean', default: false },
    /** Tests what a run with --keep has left. */
    installed: { type: 'boolean', default: false },
    /** Parts, separated by commas: quick, matrix, traffic, valid, shifts, canary, rolling, replay, tokens, traces, measured. */
    only: { type: 'string' },
  },
});

const found = await findCluster();
const refusal =
  typeof found === 'string' ? undefined : ((await whyNotOurs(found, found.namespace)) ?? (await whyNotReached(found)));
if (typeof found === 'string') {
  console.log(`cluster tests skipped: ${found}`);
} else if (refusal) {
  console.error(`cluster tests refused: ${refusal}`);
  process.exitCode = 1;
} else {
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
  const slow = { measured, shifts, canary, replay, tokens, traces, rolling };
  const all = { quick, matrix, traffic, valid, ...(options.quick ? {} : slow) };
  const wanted = options.only?.split(',');
  const parts = Object.entries({ ...all, ...(wanted ? slow : {}) }).filter(([name]) => wanted?.includes(name) ?? true);
  whole(found, options, parts);
}
