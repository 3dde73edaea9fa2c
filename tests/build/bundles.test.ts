import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { services } from '@weft/all/services';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import { type BootedProcesses, bootProcesses } from '@weft/kit/testing';

const ROOT = join(import.meta.dirname, '../..');
// In the project, so that what is not bundled is found.
const OUT = join(ROOT, '.cache', `dist-${randomUUID()}`);
// What an image has on top of its base; in that of users there is native password hashing besides.
const MOST_BYTES = 5_000_000;
const NAMES = services.map(({ spec }) => spec.name);

let booted: BootedProcesses | undefined;
beforeAll(async () => {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts/build.ts'), OUT], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
afterAll(async () => {
  await booted?.stop();
  await rm(OUT, { recursive: true, force: true });
});

/** Patterns of what the services' calls of fail points would be in a bundle: texts as they are, names any. */
async function failPointCalls(): Promise<string[]> {
  const sources = (await readdir(join(ROOT, 'services'), { recursive: true })).filter((path) =>
    /src\/.*\.ts$/.test(path),
  );
  const texts = await Promise.all(sources.map((path) => readFile(join(ROOT, 'services', path), 'utf8')));
  const calls = texts.flatMap((text) => [...text.matchAll(/failPoint\((.*)\);/g)].map(([, args = '']) => args));
  return calls.map((args) =>
    args
      .split(', ')
      .map((arg) => (arg.startsWith("'") ? `"${arg.slice(1, -1)}"` : '[\\w$]+(\\.\\w+)?'))
      .join(','),
  );
}

describe('npm run build', () => {
  it('makes a bundle a service, and one of all, with their source maps, and of services what V8 made of them', async () => {
    const files = [...NAMES, 'all'].flatMap((name) => [`${name}.js`, `${name}.cjs`, `${name}.cjs.map`]);
    const code = NAMES.map((name) => `${name}.code`);
    expect((await readdir(OUT)).sort()).toEqual([...files, ...code, 'package.json'].sort());
  });

  it('makes nothing that adds more than 5 MB to an image, with its source map', async () => {
    const parts = ['js', 'cjs', 'cjs.map', 'code'];
    const sizes = NAMES.map((name) => {
      const bytes = parts.map((part) => statSync(join(OUT, `${name}.${part}`)).size);
      return { name, bytes, sum: bytes.reduce((sum, one) => sum + one, 0) };
    });
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(2);
    const lines = sizes.map(
      ({ name, bytes, sum }) => `${name.padEnd(14)} ${megabytes(sum)} MB: ${parts.join(', ')} ${bytes.map(megabytes)}`,
    );
    process.stdout.write(`${lines.join('\n')}\n`);
    expect(sizes.filter(({ sum }) => sum > MOST_BYTES)).toEqual([]);
  });

  it('leaves out every fail point', async () => {
    const calls = await failPointCalls();
    expect(calls.length).toBeGreaterThan(3);
    const trace = new RegExp(['WEFT_FAIL_POINT', 'fail point', ...calls.map((args) => `\\(${args}\\)`)].join('|'), 'g');
    for (const name of [...NAMES, 'all']) {
      expect((await readFile(join(OUT, `${name}.cjs`), 'utf8')).match(trace)).toBeNull();
    }
  });

  it('makes code that V8 takes for its own', () => {
    const look = `const { Script } = require('node:vm'); const { readFileSync } = require('node:fs');
      const cachedData = readFileSync('users.code').subarray(4);
      process.stdout.write(String(new Script(readFileSync('users.cjs', 'latin1'), { cachedData }).cachedDataRejected));`;
    const { stdout } = spawnSync(process.execPath, ['-e', look], { cwd: OUT, env: {}, encoding: 'utf8' });
    expect(stdout).toBe('false');
  });

  it('runs no code of another bundle, however alike they are', async () => {
    const folder = join(OUT, 'changed');
    await mkdir(folder);
    for (const file of ['orders.js', 'orders.code', 'package.json'])
      await copyFile(join(OUT, file), join(folder, file));
    const bundle = await readFile(join(OUT, 'orders.cjs'), 'latin1');
    await writeFile(join(folder, 'orders.cjs'), bundle.replaceAll('is required', 'IS REQUIRED'), 'latin1');
    const { stderr } = spawnSync(process.execPath, [join(folder, 'orders.js')], { env: {}, encoding: 'utf8' });
    expect(stderr).toContain('weft: setting ORDERS_IDENTITY_JWKS_URL IS REQUIRED\n');
  });

  it('makes services that start, serve and stop', async () => {
    const admin = { email: 'admin@weft.example', password: 'admin-of-the-test' };
    booted = await bootProcesses(
      ['users', 'inventory'].map((name) => ({ services: [name], main: join(OUT, `${name}.js`) })),
      { env: { USERS_ADMIN_EMAIL: admin.email, USERS_ADMIN_PASSWORD: admin.password } },
    );
    for (const name of ['users', 'inventory']) {
      const ready = await fetch(`${booted.ops(name)}/readyz`);
      expect(await ready.json()).toMatchObject({ [name]: { serving: true } });
      expect(await (await fetch(`${booted.ops(name)}/metrics`)).text()).toContain('weft');
    }
    const users = await booted.client(UsersServiceService, UsersService);
    const { accessToken } = await users.login(admin);
    const inventory = await booted.client(InventoryServiceService, InventoryService, { token: accessToken });
    const { stock } = await inventory.setStock({ stockCode: 'L', onHand: 3n });
    expect(stock).toMatchObject({ stockCode: 'L', onHand: 3n, reserved: 0n });
    await expect(inventory.setStock({ stockCode: '', onHand: 3n })).rejects.toMatchObject({
      reason: 'INVALID_ARGUMENT',
    });
  });

  it.each(NAMES)('makes %s say what it needs', async (name) => {
    const child: ChildProcess = fork(join(OUT, `${name}.js`), {
      env: {},
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let errors = '';
    child.stderr?.on('data', (chunk) => {
      errors += String(chunk);
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(1);
    expect(errors).toContain(`weft: setting ${name.toUpperCase()}_IDENTITY_JWKS_URL is required\n`);
  });
});
