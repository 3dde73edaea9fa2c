import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const CACHE = join(import.meta.dirname, '../../.cache');
const MAKE = join(import.meta.dirname, '../../scripts/bundle-for-tests.ts');

export interface Bundles {
  /** The file to run for a name. */
  main(name: string): string;
  remove(): Promise<void>;
}

/**
 * One file of each, with its fail points: a process of it is ready in half the time that its sources take. In the project,
 * so that what is not bundled is found.
 * @param mains the main file of each by its name
 */
export async function makeBundles(mains: Readonly<Record<string, string>>): Promise<Bundles> {
  await mkdir(CACHE, { recursive: true });
  const outdir = await mkdtemp(join(CACHE, 'bundles-'));
  const remove = () => rm(outdir, { recursive: true, force: true });
  try {
    // In a process of its own, as esbuild does not run within Jest.
    await promisify(execFile)(process.execPath, [MAKE, outdir, JSON.stringify(mains)]);
  } catch (error) {
    await remove();
    throw error;
  }
  return { main: (name) => join(outdir, `${name}.js`), remove };
}
