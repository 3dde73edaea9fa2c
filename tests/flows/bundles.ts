import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ProcessSpec } from '@weft/kit/testing';

const CACHE = join(import.meta.dirname, '../../.cache');
const MAKE = join(import.meta.dirname, '../../scripts/bundle-for-tests.ts');

export interface Bundled {
  readonly processes: readonly ProcessSpec[];
  remove(): Promise<void>;
}

/**
 * The same processes from one file each, with its fail points: they are ready in half the time that their sources take. In the
 * project, so that what is not bundled is found.
 */
export async function bundled(sources: readonly ProcessSpec[]): Promise<Bundled> {
  await mkdir(CACHE, { recursive: true });
  const outdir = await mkdtemp(join(CACHE, 'bundles-'));
  const remove = () => rm(outdir, { recursive: true, force: true });
  const named = sources.map((spec, index) => ({ ...spec, name: `${index}-${spec.services[0]}` }));
  const mains = Object.fromEntries(named.map(({ name, main }) => [name, main]));
  try {
    // In a process of its own, as esbuild does not run within Jest.
    await promisify(execFile)(process.execPath, [MAKE, outdir, JSON.stringify(mains)]);
  } catch (error) {
    await remove();
    throw error;
  }
  return { processes: named.map(({ services, name }) => ({ services, main: join(outdir, `${name}.js`) })), remove };
}
