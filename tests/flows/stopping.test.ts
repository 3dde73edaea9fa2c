import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startEmbeddedPostgres } from '@weft/all/embedded';
import { eventually } from '@weft/kit/testing';
import { shopProcess } from './process.ts';
import { MODES } from './shop.ts';

let folder: string;
beforeEach(async () => {
  folder = join(process.env.WEFT_TEST_FOLDER ?? tmpdir(), `stopping-${randomUUID()}`);
  await mkdir(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function listens(target: string): Promise<boolean> {
  const socket = connect(Number(target.split(':')[1]), '127.0.0.1');
  return once(socket, 'connect').then(
    () => {
      socket.destroy();
      return true;
    },
    () => false,
  );
}

// Two of the services will do, and start sooner.
const SOME = { split: { TARGET: 'inventory,orders' }, all: {} };

describe.each(MODES)('a shop that runs %s', (mode) => {
  it('ends with one line and exit code 1 when its PostgreSQL is gone', async () => {
    const shop = await shopProcess(folder, { mode, env: SOME[mode] });
    await shop.start();
    const [pid] = (await readFile(join(folder, 'postgres/data/postmaster.pid'), 'utf8')).split('\n');
    const ended = shop.exited();
    process.kill(Number(pid), 'SIGKILL');
    expect(await ended).toBe(1);
    expect(shop.output()).toMatch(/^weft: the embedded PostgreSQL ended by itself \(ended by SIGKILL\)/m);
  });

  it('stops when the npm that runs it is told to', async () => {
    const shop = await shopProcess(folder, { mode, env: { ...SOME[mode], npm_lifecycle_event: 'start' } });
    await shop.start({ shell: true });
    expect(await listens(shop.target('orders'))).toBe(true);
    await shop.stop('SIGTERM');
    await eventually(async () => !(await listens(shop.target('orders'))));
    // The data folder is given back: another one can start on it.
    await eventually(() => shop.start(), 20_000);
    expect((await shop.stop()).code).toBe(0);
  });

  it('makes the data folder that it needs although its databases are elsewhere', async () => {
    const silent = () => undefined;
    const logger = { info: silent, warn: silent, error: silent };
    const elsewhere = await startEmbeddedPostgres({ dataFolder: join(folder, 'server'), temporary: true, logger });
    const shop = await shopProcess(join(folder, 'not', 'there'), {
      mode,
      env: { ...SOME[mode], DATABASE_URL: elsewhere.adminUrl },
    });
    await shop.start();
    expect(await listens(shop.target('orders'))).toBe(true);
    expect((await shop.stop()).code).toBe(0);
    await elsewhere.stop();
  });
});
