import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const MOST_BYTES = 512 * 1024 * 1024;
const WORKSPACES = ['gen', 'kit', 'services/*', 'clients/*'].map((path) => `${path}/package.json`);

const git = (...args: string[]): string => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();

/** The commit before the newest one of this branch that changed a contract; undefined where the history does not go so far back. */
export function lastVersion(): string | undefined {
  const changed = git('log', '-1', '--first-parent', '-m', '--format=%H', '--', 'proto');
  const before = spawnSync('git', ['rev-parse', '--verify', '--quiet', `${changed}^1`], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return before.status === 0 ? before.stdout.trim() : undefined;
}

export interface OtherVersion {
  readonly commit: string;
  readonly folder: string;
  /** Names of its services. */
  readonly services: ReadonlySet<string>;
  remove(): void;
}

/** The sources of a commit, with the packages that are installed here: what may differ are our own. */
export function otherVersion(revision: string): OtherVersion {
  const commit = git('rev-parse', '--verify', `${revision}^{commit}`);
  const folder = mkdtempSync(join(tmpdir(), 'weft-version-'));
  const archive = execFileSync('git', ['archive', '--format=tar', commit], { cwd: ROOT, maxBuffer: MOST_BYTES });
  const unpacked = spawnSync('tar', ['-x', '-C', folder], { input: archive, stdio: ['pipe', 'inherit', 'inherit'] });
  if (unpacked.status !== 0) throw new Error(`${commit} could not be unpacked`);
  linkPackages(folder);
  const mains = globSync('services/*/src/main.ts', { cwd: folder });
  const services = new Set(mains.map((path) => path.split('/')[1] ?? ''));
  return { commit, folder, services, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function linkPackages(folder: string): void {
  const link = (from: string, to: string) => {
    mkdirSync(dirname(to), { recursive: true });
    if (!existsSync(to)) symlinkSync(from, to);
  };
  for (const file of globSync(WORKSPACES, { cwd: folder })) {
    const path = dirname(file);
    const { name } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { name: string };
    link(join(folder, path), join(folder, 'node_modules', name));
    const own = join(ROOT, path, 'node_modules');
    if (existsSync(own)) link(own, join(folder, path, 'node_modules'));
  }
  const installed = join(ROOT, 'node_modules');
  for (const name of readdirSync(installed))
    if (!name.startsWith('.') && name !== '@weft') link(join(installed, name), join(folder, 'node_modules', name));
}
