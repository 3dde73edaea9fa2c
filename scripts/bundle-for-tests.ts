// scripts/bundle-for-tests.ts OUTDIR MAINS: one file of each of MAINS, JSON of names and main files, with its fail points.
import { bundle } from './bundle.ts';

const [outdir = '', mains = '{}'] = process.argv.slice(2);
await bundle({ entryPoints: JSON.parse(mains) as Record<string, string>, outdir, failPoints: true });
