import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GOLDEN, RELEASES, ROOT, render } from './render.ts';

const FOLDER = join(ROOT, 'charts/golden');

export const goldenFile = (name: string): string => join(FOLDER, `${name}.yaml`);

// npm run charts:golden: what the cluster is told in every environment, so that a diff shows what a change does there.
if (import.meta.main) {
  mkdirSync(FOLDER, { recursive: true });
  for (const name of GOLDEN) writeFileSync(goldenFile(name), render(RELEASES[name] ?? { chart: 'weft' }));
  console.log(`${GOLDEN.length} golden renders`);
}
