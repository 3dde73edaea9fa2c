import { readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { EmbeddedPostgresError } from './errors.ts';
import type { Home } from './home.ts';
import { answersSignals, isAlive, runCommand } from './processes.ts';
import { endProcess } from './stop.ts';

async function commandOf(pid: number): Promise<readonly string[]> {
  if (process.platform === 'linux') {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  }
  const listed = await runCommand('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { cwd: '/', limitMs: 5_000 });
  return listed.output.trim().split(/\s+/);
}

/** Whether a living process is the server on this data; undefined when that cannot be found out. */
async function serves(pid: number, home: Home, binaries: Binaries): Promise<boolean | undefined> {
  if (process.platform === 'win32') {
    const status = await runCommand(binaries.pgCtl, ['status', '-D', home.data], { cwd: home.path, limitMs: 10_000 });
    return status.code === 0;
  }
  const command = await commandOf(pid);
  if (command[0] && basename(command[0]) !== 'postgres') return false;
  const [data, folder] = await Promise.all([
    stat(home.data).catch(() => undefined),
    stat(`/proc/${pid}/cwd`).catch(() => undefined),
  ]);
  if (data && folder) return data.ino === folder.ino && data.dev === folder.dev;
  return command.join(' ').includes(home.data) ? true : undefined;
}

/**
 * Stops the server that an earlier process of ours left behind on this data. Whether there was one.
 * Only for who holds the lock of the data folder.
 */
export async function stopOrphan(home: Home, binaries: Binaries): Promise<number | undefined> {
  const file = join(home.data, 'postmaster.pid');
  const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
  if (!Number.isInteger(pid) || pid <= 0 || !answersSignals(pid)) return undefined;
  const serving = (await isAlive(pid)) ? await serves(pid, home, binaries) : false;
  if (serving === undefined) {
    throw new EmbeddedPostgresError(
      `process ${pid} may be a PostgreSQL that runs on ${home.data}: stop it, or, when it is another one, remove ${file}`,
    );
  }
  if (!serving) {
    // The number went to another process; PostgreSQL would take that for its server and refuse to start.
    await rm(file, { force: true });
    return undefined;
  }
  await endProcess(pid, async () => !(await isAlive(pid)), binaries, home);
  return pid;
}
