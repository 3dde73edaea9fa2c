import { randomBytes } from 'node:crypto';
import { lstat, readFile, readlink, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { closedFolder, giveTree, nobodyAccount, runsAsRoot } from './accounts.ts';
import { EmbeddedPostgresError, errorCode, oneLine } from './errors.ts';
import { exists, makeFolder, makeFolders } from './files.ts';
import type { Account } from './processes.ts';

const SHARED_BASE = '/var/lib/weft';

/** Where PostgreSQL lives: `<data folder>/postgres`, or what that links to. */
export interface Home {
  /** The data folder as it was asked for: passwords, lock and log are here. */
  readonly folder: string;
  /** A real path. */
  readonly path: string;
  /** PostgreSQL's own data directory. */
  readonly data: string;
  /** Set when we are root, and the server must run as somebody else. */
  readonly account: Account | undefined;
}

/** Makes the data folder when it is not there. Throws EmbeddedPostgresError when it cannot be one. */
export async function prepareFolder(path: string): Promise<string> {
  const folder = resolve(path);
  try {
    await makeFolders(folder);
    const probe = join(folder, `.write-test-${process.pid}`);
    await writeFile(probe, '');
    await rm(probe, { force: true });
    return await realpath(folder);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EEXIST' || code === 'ENOTDIR') {
      throw new EmbeddedPostgresError(`the data folder ${folder} is not a folder: use another one`, { cause: error });
    }
    throw new EmbeddedPostgresError(`the data folder ${folder} cannot be written (${code ?? oneLine(error)})`, {
      cause: error,
    });
  }
}

/** A copy of a data folder has the same link: two folders with one database would destroy it. */
async function checkBelongs(folder: string, home: string): Promise<void> {
  const note = join(home, 'belongs-to');
  const owner = (await readFile(note, 'utf8').catch(() => '')).trim();
  if (owner === folder) return;
  if (owner !== '' && (await realpath(join(owner, 'postgres')).catch(() => '')) === home) {
    throw new EmbeddedPostgresError(
      `${join(folder, 'postgres')} is a link to the data of ${owner}: remove the link to begin with empty databases`,
    );
  }
  await writeFile(note, `${folder}\n`);
}

async function makeSharedHome(link: string, folder: string, account: Account): Promise<string> {
  try {
    await makeFolder(dirname(SHARED_BASE), 0o755);
    await makeFolder(SHARED_BASE, 0o711);
    const base = await realpath(SHARED_BASE);
    const closed = await closedFolder(base, account);
    if (closed) throw new EmbeddedPostgresError(`the user nobody may not enter ${closed}`);
    const home = join(base, randomBytes(8).toString('hex'));
    await makeFolder(home, 0o711);
    await writeFile(join(home, 'belongs-to'), `${folder}\n`);
    await symlink(home, `${link}.next`);
    await rename(`${link}.next`, link);
    return home;
  } catch (error) {
    throw new EmbeddedPostgresError(
      `PostgreSQL does not run as root, and the user nobody cannot reach ${folder}; ` +
        `its place is then ${SHARED_BASE}, which cannot be made (${oneLine(error)}): use a data folder that everybody may enter`,
      { cause: error },
    );
  }
}

/** Whoever owns existing data runs the server: it may have been made before by a user that is not root. */
async function accountFor(data: string): Promise<Account> {
  const owner = await stat(data).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const nobody = await nobodyAccount();
  if (owner) await giveTree(data, nobody);
  return nobody;
}

/** Finds or makes the home in a data folder that this process has locked. */
export async function openHome(folder: string): Promise<Home> {
  const link = join(folder, 'postgres');
  const found = await lstat(link).catch(() => undefined);
  if (found?.isSymbolicLink() && !(await exists(link))) {
    throw new EmbeddedPostgresError(
      `${link} is a link to ${await readlink(link)}, which is missing: remove the link to begin with empty databases`,
    );
  }
  if (found && !(await stat(link)).isDirectory()) {
    throw new EmbeddedPostgresError(`${folder} is not a data folder of ours: ${link} is not a folder`);
  }
  if (!runsAsRoot()) {
    if (!found) await makeFolder(link, 0o700);
    const path = await realpath(link);
    return { folder, path, data: join(path, 'data'), account: undefined };
  }
  if (found) {
    const path = await realpath(link);
    if (found.isSymbolicLink()) await checkBelongs(folder, path);
    const account = await accountFor(join(path, 'data'));
    const closed = await closedFolder(path, account);
    if (closed) {
      throw new EmbeddedPostgresError(
        `PostgreSQL does not run as root but as user ${account.uid}, which may not enter ${closed}: ` +
          'move the data folder, or let others enter (chmod o+x)',
      );
    }
    return { folder, path, data: join(path, 'data'), account };
  }
  const account = await nobodyAccount();
  if (await closedFolder(folder, account)) {
    const path = await makeSharedHome(link, folder, account);
    return { folder, path, data: join(path, 'data'), account };
  }
  await makeFolder(link, 0o711);
  const path = await realpath(link);
  return { folder, path, data: join(path, 'data'), account };
}
