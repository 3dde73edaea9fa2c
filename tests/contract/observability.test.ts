import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { services } from '@weft/all/services';
import { dashboards } from '../../scripts/observability/dashboards.ts';
import { rules, type Slo } from '../../scripts/observability/rules.ts';
import { runbookPage } from '../../scripts/observability/runbooks.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const { slos } = JSON.parse(read('k8s/observability/slos.json')) as { slos: readonly Slo[] };
const { metrics } = JSON.parse(read('docs/telemetry.json')) as { metrics: Readonly<Record<string, unknown>> };
const has = (program: string) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
const NAMES = services.map(({ spec }) => spec.name);
const ruled = rules(slos, NAMES);

interface Asked {
  readonly legendFormat: string;
}

interface Linked {
  readonly defaults: { readonly links: readonly { readonly url: string }[] };
}

/** Names of our metrics in an expression, without what a histogram adds to its own. */
function metricsIn(text: string): string[] {
  const names = text.match(/\b(?:weft|rpc|db_client|nodejs|v8js|process|otel_sdk)_\w+/g) ?? [];
  const labels = new Set([
    'rpc_method',
    'rpc_response_status_code',
    'weft_currency',
    'weft_saga_kind',
    'weft_saga_state',
    'v8js_gc_type',
  ]);
  return [...new Set(names)]
    .filter((name) => !labels.has(name) && !/^db_client_connection_(state|pool_name)$/.test(name))
    .map((name) => (name in metrics ? name : name.replace(/_(count|sum|bucket)$/, '')));
}

describe('alerts and dashboards', () => {
  it('are what the objectives say: npm run gen:observability', () => {
    expect(read('k8s/observability/prometheus/rules.yaml')).toBe(ruled);
    for (const [name, dashboard] of Object.entries(dashboards(slos)))
      expect(JSON.parse(read(`k8s/observability/grafana/${name}.json`))).toEqual(dashboard);
  });

  it('ask for metrics that there are', () => {
    const asked = [ruled, JSON.stringify(dashboards(slos))].flatMap(metricsIn);
    expect([...new Set(asked)].filter((name) => !(name in metrics))).toEqual([]);
  });

  it('each have a runbook that is there, and no runbook is forgotten', () => {
    const linked = new Set([...ruled.matchAll(/runbook: (\S+)/g)].map(([, path = '']) => path));
    expect([...linked].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect(globSync('docs/runbooks/*.md', { cwd: ROOT }).sort()).toEqual([...linked].sort());
  });

  it('lead to a page of Grafana that shows the runbook', () => {
    const linked = [
      ...ruled.matchAll(
        /runbook: docs\/runbooks\/(\S+)\.md\n\s+runbook_url: "\{\{ \$externalLabels\.grafana \}\}\/d\/(\S+)"/g,
      ),
    ];
    expect(linked.length).toBe([...ruled.matchAll(/- alert:/g)].length);
    for (const [, name = '', uid] of linked) {
      const page = runbookPage(name, read(`docs/runbooks/${name}.md`));
      expect(page).toMatchObject({ uid });
      expect(JSON.parse(read(`k8s/observability/grafana/runbooks/${name}.json`))).toEqual(page);
    }
  });

  it('are all given to Grafana', () => {
    const given = new Set(
      [...read('k8s/observability/kustomization.yaml').matchAll(/grafana\/\S+\.json/g)].map(String),
    );
    expect([...given].sort()).toEqual(globSync('grafana/**/*.json', { cwd: join(ROOT, 'k8s/observability') }).sort());
  });

  it('are for methods that there are', () => {
    const named = slos.map(({ methods }) => methods.split('.').slice(0, 3).join('.'));
    for (const file of new Set(named)) expect(existsSync(join(ROOT, `proto/${file.replaceAll('.', '/')}`))).toBe(true);
  });

  it('lead from one to the next', () => {
    const all = Object.values(dashboards(slos)) as { uid: string; links: { url: string }[] }[];
    for (const one of all) {
      const others = all.filter(({ uid }) => uid !== one.uid).map(({ uid }) => `/d/${uid}`);
      expect(one.links.map(({ url }) => url)).toEqual(expect.arrayContaining(others));
    }
  });

  it('lead from a line of a service to its page, and from an alert of one to its page', () => {
    const all = Object.values(dashboards(slos)) as {
      panels: { title: string; targets: Asked[]; fieldConfig: Linked }[];
    }[];
    const ofServices = all
      .flatMap(({ panels }) => panels)
      .filter(({ targets }) => targets.every(({ legendFormat }) => legendFormat.startsWith('{{service_name}}')));
    expect(ofServices.length).toBeGreaterThan(3);
    for (const { title, fieldConfig } of ofServices) {
      const urls = fieldConfig.defaults.links.map(({ url }) => url);
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in
      expect([title, ...urls]).toEqual([title, expect.stringContaining('var-service=${__field.labels.service_name}')]);
    }
    const pages = [...ruled.matchAll(/dashboard: "\{\{ \$externalLabels\.grafana \}\}\/d\/(weft-\w+)/g)].map(
      ([, uid]) => uid,
    );
    const there = (Object.values(dashboards(slos)) as { uid: string }[]).map(({ uid }) => uid);
    expect(pages.filter((uid) => !there.includes(uid as string))).toEqual([]);
    expect(pages.length).toBe([...ruled.matchAll(/- alert:/g)].length);
  });

  it('miss each service that there is', () => {
    const missed = [...ruled.matchAll(/absent\(up\{job=~\\"weft\.\*\\",service=~\\"(\w+)\|/g)].map(([, name]) => name);
    expect(missed).toEqual(NAMES);
  });

  (has('promtool') ? it : it.skip)('are rules that promtool takes', () => {
    const run = spawnSync('promtool', ['check', 'rules', 'k8s/observability/prometheus/rules.yaml'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(run.stdout + run.stderr).toContain('SUCCESS');
    expect(run.status).toBe(0);
  });

  (has('promtool') ? it : it.skip)('ask what promtool can read', () => {
    const all = Object.values(dashboards(slos)) as { panels: { type: string; targets: { expr: string }[] }[] }[];
    const asked = all.flatMap(({ panels }) =>
      panels.filter(({ type }) => type !== 'logs').flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    );
    const folder = mkdtempSync(join(tmpdir(), 'weft-'));
    try {
      const file = join(folder, 'asked.yaml');
      const rules = [...new Set(asked)].map((expr, at) => ({
        record: `asked:${at}`,
        expr: expr.replaceAll('$service', 'orders'),
      }));
      writeFileSync(file, JSON.stringify({ groups: [{ name: 'asked', rules }] }));
      const run = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
      expect(run.stdout + run.stderr).toContain(`SUCCESS: ${rules.length} rules found`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  (has('promtool') ? it : it.skip)('are read by a configuration that promtool takes', () => {
    const run = spawnSync('promtool', ['check', 'config', 'k8s/observability/prometheus/prometheus.yaml'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect([run.status, run.stderr]).toEqual([0, '']);
  });

  (has('promtool') ? it : it.skip)('fire when a budget burns, and not when it does not', () => {
    const run = spawnSync('promtool', ['test', 'rules', 'k8s/observability/prometheus/rules-test.yaml'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(run.stdout + run.stderr).toContain('SUCCESS');
    expect(run.status).toBe(0);
  });
});
