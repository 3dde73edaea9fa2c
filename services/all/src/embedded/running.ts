import { readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isHeld } from './lock.ts';
import { socketFolder } from './server.ts';
import { serverUrl } from './urls.ts';

/** The URL, without a login, of the PostgreSQL that a living process runs on the data folder; undefined when there is none. */
export async function findEmbeddedPostgres(dataFolder: string): Promise<string | undefined> {
  const folder = await realpath(resolve(dataFolder)).catch(() => undefined);
  if (folder === undefined || !(await isHeld(folder))) return undefined;
  const path = await realpath(join(folder, 'postgres')).catch(() => folder);
  const data = join(path, 'data');
  // Source: storage/lmgr and utils/init/miscinit.c: the fourth line is the port, the eighth the state.
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const port = Number(lines[3]);
  if (lines[7]?.trim() !== 'ready' || !Number.isInteger(port)) return undefined;
  const sockets = socketFolder(data);
  const there = sockets !== undefined && (await stat(join(sockets, `.s.PGSQL.${port}`)).catch(() => undefined));
  return serverUrl(port, there ? sockets : undefined);
}
