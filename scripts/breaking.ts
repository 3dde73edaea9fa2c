import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeImportedProtos } from './imported-protos.ts';

const ROOT = join(import.meta.dirname, '..');

function git(...args: string[]): string | undefined {
  const run = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' });
  return run.status === 0 ? run.stdout.trim() : undefined;
}

function run(command: string, args: readonly string[]): number {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' });
  if (error) throw error;
  return status ?? 1;
}

/** Compares the contracts of the working tree with those of a commit; true when none is broken. */
function isCompatibleWith(commit: string): boolean {
  writeImportedProtos();
  const against = mkdtempSync(join(ROOT, '.cache/against-'));
  try {
    const archive = join(against, 'proto.tar');
    const extracted =
      run('git', ['archive', '--output', archive, commit, 'proto']) || run('tar', ['-xf', archive, '-C', against]);
    if (extracted !== 0) throw new Error(`cannot read proto/ of ${commit}`);
    // Both sides get the same configuration and the imports that their own contracts name.
    copyFileSync(join(ROOT, 'buf.yaml'), join(against, 'buf.yaml'));
    writeImportedProtos(against);
    const buf = join(ROOT, 'node_modules/@bufbuild/buf/bin/buf');
    return run(process.execPath, [buf, 'breaking', '.', '--against', against, '--exclude-imports']) === 0;
  } finally {
    rmSync(against, { recursive: true, force: true });
  }
}

const branches = process.env.CI ? ['origin/main', 'main'] : ['main'];
const base = branches.find((branch) => git('rev-parse', '--verify', '--quiet', `${branch}^{commit}`));
if (base === undefined) {
  console.log(`no commit on ${branches.join(' or ')} yet: nothing to compare with`);
} else if (!git('ls-tree', '-r', '--name-only', base, 'proto/')) {
  console.log(`${base} has no proto/ yet: nothing to compare with`);
} else if (isCompatibleWith(base)) {
  console.log(`contracts are compatible with ${base}`);
} else {
  process.exitCode = 1;
}
