import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { shopProcess } from '../flows/process.ts';

// Tries the whole API as its OpenAPI document describes it, from outside: schemathesis with requests that keep the document and
// requests that break it, and a client in Python that openapi-python-client makes of it. Both come from pip (requirements.txt).
// Its last line is JSON, and so is the summary that it adds its operations to where WEFT_SUMMARY_FILE names one.

const { values } = parseArgs({
  options: {
    /** Requests of each kind that schemathesis makes up for an operation. */
    examples: { type: 'string', default: '6' },
    seed: { type: 'string', default: '1' },
    /** How long each of the programs may take. */
    minutes: { type: 'string', default: '8' },
    /** Where the programs are that pip has installed; the path where it is absent. */
    bin: { type: 'string', default: '' },
  },
});

const ADMIN = { email: 'admin@weft.example', password: 'admin-of-the-test' };
const DOCUMENT = join(import.meta.dirname, '../../gen/openapi/openapi.json');
const folder = await mkdtemp(join(tmpdir(), 'weft-api-'));
const report = join(folder, 'report.json');
const shop = await shopProcess(join(folder, 'data'), {
  env: {
    USERS_ADMIN_EMAIL: ADMIN.email,
    USERS_ADMIN_PASSWORD: ADMIN.password,
    GATEWAY_RATE_LIMIT: '1000000/60',
    // A busy machine is no reason to refuse what is asked here.
    GATEWAY_SHED_DELAY_MS: '0',
    GATEWAY_RATE_LIMITS: 'weft.orders.v1.OrdersService/PlaceOrder=1000000/60',
  },
});
const { GATEWAY_HTTP_PORT: port } = shop.environment as Readonly<Record<string, string>>;
const bin = values.bin === '' ? [] : [resolve(values.bin)];
const base = `http://127.0.0.1:${port}`;

/** Runs a program to its end; true when it says that all is well. */
async function passes(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  const child = spawn(name, args, {
    env: { ...process.env, PATH: [...bin, process.env.PATH].join(delimiter), ...env },
    // They leave things behind.
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: Number(values.minutes) * 60_000,
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0;
}

async function signIn(): Promise<string> {
  const response = await fetch(`${base}/api/v2/users:login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(ADMIN),
  });
  return ((await response.json()) as { accessToken: string }).accessToken;
}

async function placesAnOrder(): Promise<boolean> {
  const output = join(folder, 'client');
  const made = await passes('openapi-python-client', [
    'generate',
    '--path',
    DOCUMENT,
    '--output-path',
    output,
    '--meta',
    'none',
  ]);
  const script = join(import.meta.dirname, 'place_order.py');
  return made && passes('python3', [script, base, ADMIN.email, ADMIN.password], { PYTHONPATH: folder });
}

/** What schemathesis reports. */
interface Report {
  readonly complete: boolean;
  readonly running_time: number;
  readonly operations: { readonly tested: number };
  readonly test_cases: { readonly generated: number; readonly with_failures: number; readonly errored: number };
  readonly failures: readonly { readonly operations: readonly string[] }[];
}

async function withstandsSchemathesis(operations: number) {
  const args = ['--config-file', join(import.meta.dirname, 'schemathesis.toml'), 'run', `${base}/openapi.json`];
  const bounds = ['--max-examples', values.examples, '--seed', values.seed];
  const phases = ['--phases', 'examples,coverage,fuzzing', '--no-color', '--report-json-path', report];
  const token = ['--header', `Authorization: Bearer ${await signIn()}`];
  const env = { PYTHONPATH: import.meta.dirname, SCHEMATHESIS_HOOKS: 'hooks', PYTHONDONTWRITEBYTECODE: '1' };
  const passed = await passes('schemathesis', [...args, ...bounds, ...phases, ...token], env);
  const {
    complete,
    running_time,
    operations: those,
    test_cases,
    failures,
  } = JSON.parse(await readFile(report, 'utf8')) as Report;
  const whole = complete && those.tested === operations && test_cases.errored === 0;
  return {
    passed: passed && whole,
    operations,
    failed: operations - those.tested + new Set(failures.flatMap((one) => one.operations)).size,
    cases: test_cases.generated,
    seconds: Math.round(running_time),
  };
}

async function addToSummary(file: string, passed: number, failed: number): Promise<void> {
  const none = { passed: 0, failed: 0, skipped: 0 };
  const before = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as typeof none,
    () => none,
  );
  const after = { ...before, passed: before.passed + passed, failed: before.failed + failed };
  await writeFile(file, `${JSON.stringify(after)}\n`);
}

try {
  await shop.start();
  const served = await (await fetch(`${base}/openapi.json`)).json();
  const document = JSON.parse(await readFile(DOCUMENT, 'utf8')) as { paths: Record<string, object> };
  if (JSON.stringify(served) !== JSON.stringify(document)) throw new Error('the gateway serves another document');
  const operations = Object.values(document.paths).flatMap((verbs) => Object.keys(verbs)).length;
  const client = await placesAnOrder();
  const schemathesis = await withstandsSchemathesis(operations);
  const failed = schemathesis.failed + (client ? 0 : 1);
  if (process.env.WEFT_SUMMARY_FILE) await addToSummary(process.env.WEFT_SUMMARY_FILE, operations + 1 - failed, failed);
  console.log(JSON.stringify({ client, schemathesis }));
  if (!client || !schemathesis.passed) process.exitCode = 1;
} finally {
  await shop.stop();
  await rm(folder, { recursive: true, force: true });
}
