import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(join(ROOT, file), 'utf8')) as T;
}

it('every package that has an install script is allowed or refused it by name: npm 12 runs none that is not', async () => {
  const { packages } = await readJson<{ packages: Record<string, { hasInstallScript?: true }> }>('package-lock.json');
  const { allowScripts } = await readJson<{ allowScripts: Record<string, boolean> }>('package.json');
  const scripted = Object.entries(packages).flatMap(([path, { hasInstallScript }]) =>
    hasInstallScript ? [path.replace(/^.*node_modules\//, '')] : [],
  );
  expect(scripted).toContain('node');
  expect(scripted.filter((name) => !(name in allowScripts))).toEqual([]);
});
