import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { shopProcess } from '../flows/process.ts';

// Tries the whole API as its OpenAPI document describes it, from outside: schemathesis with requests that keep the document and
// requests that break it, and a client in Python that openapi-python-client makes of it. Both come from pip.

const { values } = parseArgs({
  options: {
    /** Requests of each kind that schemathesis makes up for an operation. */
    examples: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '8' },
    /** Where the programs are that pip has installed; the path where it is absent. */
    bin: { type: 'string', default: '' },
  },
});

const ADMIN = { email: 'admin@weft.example', password: 'admin-of-the-test' };
const DOCUMENT = join(import.meta.dirname, '../../gen/openapi/openapi.json');
const folder = await mkdtemp(join(tmpdir(), 'weft-api-'));
const shop = await shopProcess(join(folder, 'data'), {
  env: {
    USERS_ADMIN_EMAIL: ADMIN.email,
    USERS_ADMIN_PASSWORD: ADMIN.password,
    GATEWAY_RATE_LIMIT: '1000000/60',
    GATEWAY_RATE_LIMITS: 'weft.orders.v1.OrdersService/PlaceOrder=1000000/60',
  },
});
const { GATEWAY_HTTP_PORT: port } = shop.environment as Readonly<Record<string, string>>;
const base = `http://127.0.0.1:${port}`;

/** Runs a program to its end; true when it says that all is well. */
async function passes(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  const child = spawn(join(values.bin, name), args, {
    env: { ...process.env, ...env },
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

async function withstandsSchemathesis(): Promise<boolean> {
  const args = ['--config-file', join(import.meta.dirname, 'schemathesis.toml'), 'run', `${base}/openapi.json`];
  // A watch of what there is goes on for half an hour.
  const bounds = ['--exclude-path-regex', ':watch$', '--request-timeout', '10', '--max-examples', values.examples];
  const phases = ['--phases', 'examples,coverage,fuzzing', '--seed', values.seed, '--no-color'];
  const token = ['--header', `Authorization: Bearer ${await signIn()}`];
  const env = { PYTHONPATH: import.meta.dirname, SCHEMATHESIS_HOOKS: 'hooks', PYTHONDONTWRITEBYTECODE: '1' };
  return passes('schemathesis', [...args, ...bounds, ...phases, ...token], env);
}

try {
  await shop.start();
  const served = await (await fetch(`${base}/openapi.json`)).text();
  if (JSON.stringify(JSON.parse(served)) !== JSON.stringify(JSON.parse(await readFile(DOCUMENT, 'utf8'))))
    throw new Error('the gateway serves another document');
  const results = { client: await placesAnOrder(), schemathesis: await withstandsSchemathesis() };
  console.log(JSON.stringify(results));
  if (!results.client || !results.schemathesis) process.exitCode = 1;
} finally {
  await shop.stop();
  await rm(folder, { recursive: true, force: true });
}
