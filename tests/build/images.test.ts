import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-images-'));
  // A builder that notes how it was called.
  const script = "require('node:fs').appendFileSync(process.argv[2], process.argv.slice(3).join(' ') + '\\n');";
  await writeFile(join(folder, 'build.cjs'), script);
});
afterAll(() => rm(folder, { recursive: true }));

async function images(args: readonly string[], options: string) {
  const noted = join(folder, 'noted');
  await writeFile(noted, '');
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts/images.ts'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, IMAGE_BUILD: `${process.execPath} ${join(folder, 'build.cjs')} ${noted} ${options}` },
  });
  return { status, stderr, built: await readFile(noted, 'utf8') };
}

describe('npm run images', () => {
  it('fills in what the command that builds is to know', async () => {
    const options = '--target={target} SERVICE={service} VERSION={tag} REVISION={revision} -t {image}';
    const { status, built } = await images(['orders', 'users', '--tag', '0.1.1', '--target', 'dev'], options);
    expect(status).toBe(0);
    const commit = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).stdout.trim() || 'unknown';
    const expected = (name: string) =>
      `--target=dev SERVICE=${name} VERSION=0.1.1 REVISION=${commit} -t weft/${name}:0.1.1\n`;
    expect(built).toBe(expected('orders') + expected('users'));
  });

  it('builds nothing under the tag of a target that the command is not told', async () => {
    const { status, stderr, built } = await images(['orders', '--tag', 'dev', '--target', 'dev'], '-t {image}');
    expect({ status, built }).toEqual({ status: 1, built: '' });
    expect(stderr).toBe('images: IMAGE_BUILD has no {target}: what it builds would not be the target dev\n');
  });
});
