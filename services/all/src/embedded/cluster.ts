import { randomBytes } from 'node:crypto';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { giveTree } from './accounts.ts';
import type { Binaries } from './binaries.ts';
import { EmbeddedPostgresError, errorCode } from './errors.ts';
import { exists, makeFolder, syncFolder, writePrivateFile } from './files.ts';
import type { Home } from './home.ts';
import { runCommand, tellingLine } from './processes.ts';

export const SUPERUSER = 'postgres';
const INIT_LIMIT_MS = 60_000;

async function readPassword(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim() || undefined;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function checkVersion(home: Home, binaries: Binaries): Promise<void> {
  const version = await readFile(join(home.data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version === undefined) {
    throw new EmbeddedPostgresError(
      `the data folder ${home.folder} is broken: ${home.data} has no readable PG_VERSION; ` +
        'restore a copy of the folder, or remove it to begin with empty databases',
    );
  }
  const major = Number.parseInt(version, 10);
  if (major !== binaries.major) {
    throw new EmbeddedPostgresError(
      `the data folder ${home.folder} was made by PostgreSQL ${version.trim()}, and this is PostgreSQL ${binaries.major}: ` +
        `dump it with version ${version.trim()} and load it here, or remove the folder to begin with empty databases`,
    );
  }
}

async function initialise(home: Home, binaries: Binaries, password: string, sync: boolean): Promise<void> {
  // Made aside and renamed when it is on the disk: a crash in between leaves nothing that looks like data.
  const next = `${home.data}.new`;
  const passwordFile = join(home.path, 'password.new');
  await rm(next, { recursive: true, force: true });
  await makeFolder(next, 0o700);
  if (home.account) await giveTree(next, home.account);
  await writePrivateFile(passwordFile, `${password}\n`, home.account);
  try {
    const options = { cwd: home.path, account: home.account, limitMs: INIT_LIMIT_MS };
    const made = await runCommand(
      binaries.initdb,
      [
        `--pgdata=${next}`,
        `--username=${SUPERUSER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-instructions',
        '--no-sync',
      ],
      options,
    );
    if (made.code === null && made.output.startsWith('spawn ')) {
      throw new EmbeddedPostgresError(
        `the programs of PostgreSQL do not run here: ${tellingLine(made.output)} (on Linux they need glibc)`,
      );
    }
    if (made.code !== 0) {
      throw new EmbeddedPostgresError(`PostgreSQL could not be set up in ${home.folder}: ${tellingLine(made.output)}`);
    }
    if (sync) {
      const synced = await runCommand(binaries.initdb, [`--pgdata=${next}`, '--sync-only'], options);
      if (synced.code !== 0) {
        throw new EmbeddedPostgresError(
          `${home.folder} could not be written to the disk: ${tellingLine(synced.output)}`,
        );
      }
    }
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(next, home.data);
  if (sync) await syncFolder(home.path);
}

async function isEmptyFolder(path: string): Promise<boolean> {
  return (await readdir(path).catch(() => ['?'])).length === 0;
}

/** Makes the databases' files at the first start, checks them at later ones. Returns the superuser's password. */
export async function openCluster(home: Home, binaries: Binaries, sync: boolean): Promise<string> {
  const passwordFile = join(home.folder, 'superuser-password');
  let password = await readPassword(passwordFile);
  if ((await exists(home.data)) && !(await isEmptyFolder(home.data))) {
    await checkVersion(home, binaries);
    if (!password) {
      throw new EmbeddedPostgresError(
        `the data folder ${home.folder} is broken: ${passwordFile} is missing or empty; ` +
          'put it back, or remove the folder to begin with empty databases',
      );
    }
    return password;
  }
  if (!password) {
    password = randomBytes(24).toString('hex');
    await writePrivateFile(passwordFile, `${password}\n`);
  }
  await rm(home.data, { recursive: true, force: true });
  await initialise(home, binaries, password, sync);
  return password;
}
