import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dashboards } from './observability/dashboards.ts';
import { rules, type Slo } from './observability/rules.ts';

// Prometheus rules and Grafana dashboards, from the objectives in k8s/observability/slos.json. --check compares them with what is
// committed.

const FOLDER = join(import.meta.dirname, '../k8s/observability');
const { slos } = JSON.parse(readFileSync(join(FOLDER, 'slos.json'), 'utf8')) as { slos: readonly Slo[] };
const files = new Map<string, string>([
  ['prometheus/rules.yaml', rules(slos)],
  ...Object.entries(dashboards(slos)).map(([name, dashboard]): [string, string] => [
    `grafana/${name}.json`,
    `${JSON.stringify(dashboard, null, 2)}\n`,
  ]),
]);

const differing = [...files].filter(([path, text]) => {
  try {
    return readFileSync(join(FOLDER, path), 'utf8') !== text;
  } catch {
    return true;
  }
});
if (process.argv.includes('--check')) {
  for (const [path] of differing) console.error(`differs  k8s/observability/${path}`);
  process.exitCode = differing.length > 0 ? 1 : 0;
} else {
  for (const [path, text] of differing) {
    mkdirSync(dirname(join(FOLDER, path)), { recursive: true });
    writeFileSync(join(FOLDER, path), text);
  }
  console.log(`${files.size} files, ${differing.length} written`);
}
