import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { eventually, freePort } from '@weft/kit/testing';
import { keepTargets, opsPorts, writePrometheus } from '../../scripts/observed-targets.ts';

const STACK = join(import.meta.dirname, '../../k8s/observability/prometheus');
const hasPromtool = spawnSync('promtool', ['--version'], { stdio: 'ignore' }).status === 0;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-observed-'));
});
afterEach(() => rm(folder, { recursive: true }));

const targets = async () =>
  (JSON.parse(await readFile(join(folder, 'targets.json'), 'utf8')) as { targets: string[] }[])[0]?.targets;

it('looks where OPS_PORT and those of the services say', () => {
  expect(opsPorts(['users', 'orders'], {})).toEqual([9464, 9465]);
  expect(opsPorts(['users', 'orders'], { OPS_PORT: '7000' })).toEqual([7000, 7001]);
  expect(opsPorts(['users', 'orders'], { ORDERS_OPS_PORT: '7500' })).toEqual([9464, 7500]);
});

it('reads a process from its first answer on, and calls nothing away that never ran', async () => {
  const [first, second, third] = [await freePort(), await freePort(), await freePort()];
  const stop = keepTargets(folder, [first, second, third]);
  try {
    expect(await targets()).toEqual([`127.0.0.1:${first}`]);
    const server = createServer((_, response) => response.end('{}')).listen(second, '127.0.0.1');
    await once(server, 'listening');
    await eventually(async () => (await targets())?.length === 2, 15_000);
    expect(await targets()).toEqual([`127.0.0.1:${first}`, `127.0.0.1:${second}`]);
    server.closeAllConnections();
    server.close();
  } finally {
    stop();
  }
}, 20_000);

(hasPromtool ? it : it.skip)('gives Prometheus a configuration that it takes, with the rules of the alerts', () => {
  keepTargets(folder, [9464])();
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', writePrometheus(STACK, folder)], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/SUCCESS: \d+ rules found/);
});
