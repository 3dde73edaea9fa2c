import { parseArgs } from 'node:util';
import { findCluster } from './cluster.ts';

// npm run test:cluster [-- --quick] [--keep] [--installed]: the system in the cluster that kubectl's current context names, in a
// namespace of its own (WEFT_NAMESPACE, weft-test). The images are there (npm run images). Without a cluster it says so and ends.

export const { values: options } = parseArgs({
  options: {
    /** Only what takes a few minutes. */
    quick: { type: 'boolean', default: false },
    /** Leaves the system where it is. */
    keep: { type: 'boolean', default: false },
    /** Tests what a run with --keep has left. */
    installed: { type: 'boolean', default: false },
  },
});

const found = await findCluster();
if (typeof found === 'string') {
  console.log(`cluster tests skipped: ${found}`);
} else {
  console.log(`cluster ${found.context}, namespace ${found.namespace}`);
  const { quick } = await import('./quick.ts');
  const { valid } = await import('./valid.ts');
  const { rolling } = await import('./rolling.ts');
  const { whole } = await import('./whole.ts');
  whole(found, options, options.quick ? [valid, quick] : [valid, quick, rolling]);
}
