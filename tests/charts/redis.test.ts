import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '@weft/kit/telemetry';
import { eventually, freePort } from '@weft/kit/testing';
import type { Redis } from 'ioredis';
import { redisCopies } from '../../services/gateway/src/cache/redis.ts';
import { createRateLimits } from '../../services/gateway/src/limits/rate-limits.ts';
import { openRedis } from '../../services/gateway/src/limits/redis.ts';
import { hasHelm, objectsOf, render } from './render.ts';

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
const OPERATOR = 'operator';
const KEPT_MS = 60_000;
const copy = { at: 1, bytes: Buffer.from('lantern') };

// The gateway as the user that charts/backing makes for it. Without helm and Redis this is skipped: npm test says so.
(hasHelm && hasRedis ? describe : describe.skip)('the Redis of charts/backing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-redis-'));
  const lines: string[] = [];
  let server: ChildProcess;
  let port = 0;
  let redis: Redis;
  const cli = (...args: string[]) =>
    spawnSync('redis-cli', ['-p', `${port}`, '--user', OPERATOR, '--pass', OPERATOR, '--no-auth-warning', ...args], {
      encoding: 'utf8',
    }).stdout.trim();
  const limits = () =>
    createRateLimits({ standard: { calls: 2, window: 600 }, overrides: new Map(), redis })(
      // biome-ignore lint/suspicious/noExplicitAny: of a method no more is looked at
      { name: 'weft.catalog.v1.CatalogService/GetProduct' } as any,
      'alice',
    );

  beforeAll(async () => {
    const made = objectsOf(render({ chart: 'backing', set: ['seed=test'] })) as {
      kind: string;
      metadata: { name: string };
      stringData?: Record<string, string>;
    }[];
    const secret = (name: string) =>
      made.find(({ kind, metadata }) => kind === 'Secret' && metadata.name === name)?.stringData ?? {};
    const acl = join(folder, 'users.acl');
    writeFileSync(acl, `${secret('redis')['users.acl']}\nuser ${OPERATOR} on >${OPERATOR} ~* &* +@all\n`);
    port = await freePort();
    const args = ['--port', `${port}`, '--save', '', '--dir', folder, '--aclfile', acl];
    server = spawn('redis-server', args, { stdio: 'pipe' });
    await eventually(async () => cli('ping') === 'PONG');
    const url = new URL(secret('gateway-backing').REDIS_URL ?? '');
    url.host = `127.0.0.1:${port}`;
    redis = openRedis(`${url}`, createLogger({ level: 'info', pretty: false, write: (line) => void lines.push(line) }));
    await once(redis, 'ready');
  });
  afterAll(async () => {
    redis?.disconnect();
    server?.kill('SIGKILL');
    if (server) await once(server, 'exit');
    rmSync(folder, { recursive: true, force: true });
  });

  it('counts the limits of the gateway and keeps its copies', async () => {
    const copies = redisCopies(redis);
    await copies.put('product/lantern', 'public', copy, KEPT_MS);
    expect(await copies.get('product/lantern', 'public')).toEqual(copy);
    // A second process counts on where the first was.
    await limits();
    await limits();
    await expect(limits()).rejects.toThrow('this method allows 2 calls');
    const keys = cli('keys', '*').split('\n').sort();
    expect(keys).toEqual([
      'gateway:copy:product/lantern',
      'gateway:limit:weft.catalog.v1.CatalogService/GetProduct:alice',
    ]);
    await copies.end('product/lantern');
    expect(await copies.get('product/lantern', 'public')).toBeUndefined();
    expect(lines).toEqual([]);
  });

  it('refuses the gateway the keys of others, and whatever is dangerous', async () => {
    const { host, port: at, username, password } = redis.options;
    const args = ['-h', host ?? '', '-p', `${at}`, '--user', username ?? '', '--pass', password ?? ''];
    const asGateway = (...command: string[]) =>
      spawnSync('redis-cli', [...args, '--no-auth-warning', ...command], { encoding: 'utf8' }).stdout;
    for (const command of [['set', 'orders:1', 'x'], ['flushall'], ['config', 'get', '*'], ['acl', 'list']])
      expect([command, asGateway(...command)]).toEqual([command, expect.stringContaining('NOPERM')]);
    expect(asGateway('set', 'gateway:1', 'x')).toContain('OK');
  });

  it('has the gateway say it once when its commands are refused, without naming callers, and once when they are not', async () => {
    const copies = redisCopies(redis);
    lines.length = 0;
    cli('acl', 'setuser', 'gateway', 'resetkeys', '~elsewhere:*');
    for (let n = 0; n < 2; n++) {
      await copies.put('product/lantern', 'public', copy, KEPT_MS);
      expect(await copies.get('product/lantern', 'public')).toBeUndefined();
      await limits();
    }
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: 'warn', reason: 'NOPERM', msg: expect.stringContaining('refuses commands') }),
    ]);
    expect(lines.join()).not.toContain('alice');
    cli('acl', 'setuser', 'gateway', 'resetkeys', '~gateway:*');
    await copies.put('product/lantern', 'public', copy, KEPT_MS);
    expect(await copies.get('product/lantern', 'public')).toEqual(copy);
    await limits().catch(() => undefined);
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
      expect.stringContaining('refuses commands'),
      'redis takes commands again',
    ]);
  });
});
