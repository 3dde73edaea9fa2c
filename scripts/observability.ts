import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { services } from '@weft/all/services';
import { dashboards } from './observability/dashboards.ts';
import { rules, type Slo } from './observability/rules.ts';
import { runbookPage } from './observability/runbooks.ts';

// Prometheus rules and Grafana dashboards, from the objectives in k8s/observability/slos.json and from docs/runbooks. --check compares
// them with what is committed.

const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`;
const FOLDER = join(import.meta.dirname, '../k8s/observability');
const { slos } = JSON.parse(readFileSync(join(FOLDER, 'slos.json'), 'utf8')) as { slos: readonly Slo[] };
const pages = globSync(join(import.meta.dirname, '../docs/runbooks/*.md')).sort();
const files = new Map<string, string>([
  [
    'prometheus/rules.yaml',
    rules(
      slos,
      services.map(({ spec }) => spec.name),
    ),
  ],
  ...Object.entries(dashboards(slos)).map(([name, dashboard]): [string, string] => [
    `grafana/${name}.json`,
    json(dashboard),
  ]),
  ...pages.map((path): [string, string] => {
    const name = basename(path, '.md');
    return [`grafana/runbooks/${name}.json`, json(runbookPage(name, readFileSync(path, 'utf8')))];
  }),
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
