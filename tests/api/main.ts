import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { shopProcess } from '../flows/process.ts';

// Tries the whole API as its OpenAPI documents describe it, from outside: schemathesis with requests that keep a document and
// requests that break it, as an administrator and as a customer, and clients in Python that openapi-python-client makes of them. Both
// come from pip (requirements.txt). Its last line is JSON, and so is the summary that it adds its operations to where
// WEFT_SUMMARY_FILE names one.

const { values } = parseArgs({
  options: {
    /** Requests of each kind that schemathesis makes up for an operation of the current version as an administrator. */
    examples: { type: 'string', default: '6' },
    seed: { type: 'string', default: '1' },
    /** The runs of schemathesis, by name; all where it is absent. */
    runs: { type: 'string', default: '' },
    /** How long each of the programs may take. */
    minutes: { type: 'string', default: '8' },
    /** Where the programs are that pip has installed; the path where it is absent. */
    bin: { type: 'string', default: '' },
  },
});

const ADMIN = { email: 'admin@weft.example', password: 'admin-of-the-test' };
const CUSTOMER = { email: 'customer@weft.example', password: 'customer-of-the-test' };
const DOCUMENTS = join(import.meta.dirname, '../../gen/openapi');
const folder = await mkdtemp(join(tmpdir(), 'weft-api-'));
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

const send = async (path: string, body: object, { method = 'POST', token = '' } = {}) => {
  const headers = { 'content-type': 'application/json', ...(token !== '' && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${base}/api/v2${path}`, { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path} answers ${response.status}`);
  return (await response.json()) as Readonly<Record<string, string>>;
};

const signIn = async (account: typeof ADMIN): Promise<string> =>
  (await send('/users:login', account)).accessToken as string;

/** What the documents' examples order is there, so that an order goes on to its end. */
async function offerTheExample(token: string): Promise<void> {
  const price = { currencyCode: 'GBP', minorUnits: '295' };
  await send('/products', { productId: '85123A', stockCode: '85123A', title: 'A light', price }, { token });
  await send('/stock/85123A', { onHand: '1000000' }, { method: 'PUT', token });
}

/** Has a client made of a document and runs a script that uses it. */
async function serves(document: string, client: string, script: string, ...args: readonly string[]): Promise<boolean> {
  const output = join(folder, client);
  const from = ['generate', '--path', join(DOCUMENTS, document), '--output-path', output, '--meta', 'none'];
  if (!(await passes('openapi-python-client', from))) return false;
  return passes('python3', [join(import.meta.dirname, script), base, ...args], { PYTHONPATH: folder });
}

/** What schemathesis reports. */
interface Report {
  readonly complete: boolean;
  readonly running_time: number;
  readonly operations: { readonly tested: number };
  readonly test_cases: { readonly generated: number; readonly with_failures: number; readonly errored: number };
  readonly failures: readonly { readonly operations: readonly string[] }[];
}

/** One run of schemathesis. */
interface Run {
  readonly name: string;
  readonly document: string;
  /** The token of whom it is. */
  readonly as: string;
  readonly phases: string;
  readonly examples: string;
}

const runsOf = (admin: string, customer: string): readonly Run[] => [
  { name: 'v2', document: 'openapi.json', as: admin, phases: 'examples,coverage,fuzzing', examples: values.examples },
  { name: 'v1', document: 'openapi.v1.json', as: admin, phases: 'examples,fuzzing', examples: '3' },
  { name: 'customer', document: 'openapi.json', as: customer, phases: 'examples,fuzzing,stateful', examples: '3' },
];

async function withstands({ name, document, as, phases, examples }: Run, operations: number) {
  const report = join(folder, `${name}.json`);
  const args = ['--config-file', join(import.meta.dirname, 'schemathesis.toml'), 'run', `${base}/${document}`];
  const bounds = ['--max-examples', examples, '--seed', values.seed, '--phases', phases];
  const told = ['--no-color', '--report-json-path', report];
  const token = ['--header', `Authorization: Bearer ${as}`];
  const env = { PYTHONPATH: import.meta.dirname, SCHEMATHESIS_HOOKS: 'hooks', PYTHONDONTWRITEBYTECODE: '1' };
  const passed = await passes('schemathesis', [...args, ...bounds, ...told, ...token], env);
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

/** How many operations a document has; throws where the gateway serves another. */
async function operationsOf(file: string): Promise<number> {
  const served = await (await fetch(`${base}/${file}`)).json();
  const document = JSON.parse(await readFile(join(DOCUMENTS, file), 'utf8')) as { paths: Record<string, object> };
  if (JSON.stringify(served) !== JSON.stringify(document)) throw new Error(`the gateway serves another ${file}`);
  return Object.values(document.paths).flatMap((verbs) => Object.keys(verbs)).length;
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
  await send('/users', { ...CUSTOMER, fullName: 'A customer' });
  // Tokens last longer than what is done to the accounts in between.
  const [admin, customer] = [await signIn(ADMIN), await signIn(CUSTOMER)];
  await offerTheExample(admin);
  const clients = {
    v2: await serves('openapi.json', 'client', 'place_order.py', ADMIN.email, ADMIN.password),
    v1: await serves('openapi.v1.json', 'client_v1', 'earlier_account.py'),
  };
  const schemathesis: Record<string, Awaited<ReturnType<typeof withstands>>> = {};
  const chosen = values.runs === '' ? undefined : values.runs.split(',');
  for (const run of runsOf(admin, customer))
    if (chosen?.includes(run.name) ?? true)
      schemathesis[run.name] = await withstands(run, await operationsOf(run.document));
  const runs = Object.values(schemathesis);
  const bad = Object.values(clients).filter((served) => !served).length;
  const failed = runs.reduce((sum, run) => sum + run.failed, bad);
  const all = runs.reduce((sum, run) => sum + run.operations, Object.keys(clients).length);
  if (process.env.WEFT_SUMMARY_FILE) await addToSummary(process.env.WEFT_SUMMARY_FILE, all - failed, failed);
  console.log(JSON.stringify({ clients, schemathesis }));
  if (bad > 0 || runs.some(({ passed }) => !passed)) process.exitCode = 1;
} finally {
  await shop.stop();
  await rm(folder, { recursive: true, force: true });
}
