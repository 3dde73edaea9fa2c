import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

export const ROOT = join(import.meta.dirname, '../..');
/** The versions that charts are rendered for: a helm that is built by hand does not know one. */
export const VERSIONS = ['--kube-version', '1.34.0'];

/** What a release is made of, and the values on top of its chart's. */
export interface Release {
  readonly chart: 'weft' | 'backing' | 'service';
  /** Files beside the chart, or whole paths. */
  readonly values?: readonly string[];
  readonly set?: readonly string[];
}

/** Every environment, and every switch at once; what would be random is given. */
export const RELEASES: Readonly<Record<string, Release>> = {
  dev: { chart: 'weft', values: ['values-dev.yaml'], set: ['admin.password=golden'] },
  debug: { chart: 'weft', values: ['values-dev.yaml', 'values-debug.yaml'], set: ['admin.password=golden'] },
  staging: { chart: 'weft', values: ['values-staging.yaml'], set: ['admin.password=golden'] },
  production: { chart: 'weft', values: ['values-production.yaml'] },
  'production-eu-west': { chart: 'weft', values: ['values-production.yaml', 'values-production-eu-west.yaml'] },
  'production-us-east': { chart: 'weft', values: ['values-production.yaml', 'values-production-us-east.yaml'] },
  everything: {
    chart: 'weft',
    values: [join(import.meta.dirname, 'everything.yaml')],
    set: ['admin.password=golden'],
  },
  backing: { chart: 'backing', set: ['seed=golden'] },
};
/** Those that are committed; a region only says where things are. */
export const GOLDEN = ['dev', 'staging', 'production', 'backing'];

export interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(program: string, ...args: readonly string[]): Answer {
  return spawnSync(program, args, { cwd: ROOT, encoding: 'utf8', timeout: 120_000, maxBuffer: 2 ** 28 });
}

export const has = (program: string, ...args: readonly string[]): boolean => run(program, ...args).status === 0;

export const hasHelm = has('helm', 'version');

let copied: string | undefined;

/** A copy of the charts, with charts/service in charts/weft: tests beside this one make theirs. It goes with the process. */
function charts(): string {
  if (copied) return copied;
  const base = mkdtempSync(join(tmpdir(), 'weft-charts-'));
  process.once('exit', () => rmSync(base, { recursive: true, force: true }));
  for (const name of ['service', 'weft', 'backing'])
    cpSync(join(ROOT, 'charts', name), join(base, name), {
      recursive: true,
      filter: (path) => !['charts', 'Chart.lock'].some((built) => path === join(ROOT, 'charts/weft', built)),
    });
  const { status, stderr } = run('helm', 'dependency', 'build', join(base, 'weft'));
  if (status !== 0) throw new Error(stderr);
  copied = base;
  return base;
}

export function template({ chart, values = [], set = [] }: Release): Answer {
  const files = values.flatMap((file) => ['-f', isAbsolute(file) ? file : join(charts(), chart, file)]);
  const sets = set.flatMap((one) => ['--set', one]);
  return run('helm', 'template', chart, join(charts(), chart), '-n', 'weft', ...VERSIONS, ...files, ...sets);
}

/** What helm lint finds. */
export function lint(chart: Release['chart'], ...set: readonly string[]): Answer {
  const sets = set.flatMap((one) => ['--set', one]);
  return run('helm', 'lint', join(charts(), chart), '--strict', ...VERSIONS, ...sets);
}

/** Throws with what helm said when it refuses. */
export function render(release: Release): string {
  const { status, stdout, stderr } = template(release);
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

/** What helm says after an install. `helm template` does not print it, so that a copy of the chart has it as an object. */
export function notes({ chart, values = [], set = [] }: Release): string {
  const copy = join(charts(), `${chart}-notes`);
  if (!existsSync(copy)) cpSync(join(charts(), chart), copy, { recursive: true });
  writeFileSync(
    join(copy, 'templates/said.yaml'),
    'said: {{ include (print $.Template.BasePath "/NOTES.txt") . | quote }}\n',
  );
  const files = values.flatMap((file) => ['-f', join(copy, file)]);
  const sets = set.flatMap((one) => ['--set', one]);
  const only = ['-s', 'templates/said.yaml'];
  const { status, stdout, stderr } = run(
    'helm',
    'template',
    chart,
    copy,
    '-n',
    'weft',
    ...only,
    ...VERSIONS,
    ...files,
    ...sets,
  );
  if (status !== 0) throw new Error(stderr);
  return (parse(stdout) as { said: string }).said;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly resources?: {
    readonly limits?: Readonly<Record<string, string>>;
    readonly requests?: Readonly<Record<string, string>>;
  };
}

export interface PodSpec {
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly {
    readonly name: string;
    readonly configMap?: { readonly name: string };
    readonly hostPath?: object;
  }[];
}

/** An object of Kubernetes, as far as the tests look into it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: the shape follows the kind
  readonly spec?: any;
  readonly data?: Readonly<Record<string, string>>;
}

export function objectsOf(text: string): KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors ?? [];
    if (error) throw error;
    const found = document.toJS() as KubeObject | null;
    return found ? [found] : [];
  });
}

/** Every pod that the objects make, with the name of what makes it. */
export function podsOf(
  objects: readonly KubeObject[],
): { readonly of: string; readonly labels: Readonly<Record<string, string>>; readonly pod: PodSpec }[] {
  return objects.flatMap(({ kind, metadata, spec }) => {
    const of = `${kind}/${metadata.name}`;
    if (kind === 'Pod') return [{ of, labels: metadata.labels ?? {}, pod: spec as PodSpec }];
    const found = (
      spec as { template?: { metadata?: { labels?: Record<string, string> }; spec?: PodSpec } } | undefined
    )?.template;
    return found?.spec ? [{ of, labels: found.metadata?.labels ?? {}, pod: found.spec }] : [];
  });
}
