import { lchown, lstat, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresError } from './errors.ts';
import type { Account } from './processes.ts';

export function runsAsRoot(): boolean {
  return process.getuid?.() === 0;
}

/** PostgreSQL refuses to run as root. initdb wants a user that has an entry in /etc/passwd. */
export async function nobodyAccount(passwdFile = '/etc/passwd'): Promise<Account> {
  const lines = (await readFile(passwdFile, 'utf8').catch(() => '')).split('\n');
  const fields = lines.find((line) => line.startsWith('nobody:'))?.split(':');
  const uid = Number(fields?.[2]);
  const gid = Number(fields?.[3]);
  if (!Number.isInteger(uid) || !Number.isInteger(gid) || uid === 0) {
    throw new EmbeddedPostgresError(
      `PostgreSQL does not run as root, and ${passwdFile} has no user nobody: run as another user, or set DATABASE_URL`,
    );
  }
  return { uid, gid };
}

export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** Whether the permission bits (4 read, 2 write, 1 enter or run) are all given to the account. */
export function allows(found: Ownership, account: Account, bits: number): boolean {
  const shift = found.uid === account.uid ? 6 : found.gid === account.gid ? 3 : 0;
  return ((found.mode >> shift) & bits) === bits;
}

/** The first folder on the way to `path` that the account may not enter; `path` must be a real path. */
export async function closedFolder(path: string, account: Account): Promise<string | undefined> {
  const way: string[] = [];
  for (let folder = path; ; folder = dirname(folder)) {
    way.unshift(folder);
    if (dirname(folder) === folder) break;
  }
  for (const folder of way) {
    if (!allows(await stat(folder), account, 1)) return folder;
  }
  return undefined;
}

/** Gives a tree of ours to the account. */
export async function giveTree(path: string, account: Account): Promise<void> {
  await lchown(path, account.uid, account.gid);
  if (!(await lstat(path)).isDirectory()) return;
  for (const name of await readdir(path)) await giveTree(join(path, name), account);
}
