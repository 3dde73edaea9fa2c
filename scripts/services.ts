import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..');

/** Who can be built: a folder with a main.ts. `all` is npm start, which is no image. */
export async function buildable(): Promise<string[]> {
  const names = await readdir(join(ROOT, 'services'));
  return names.filter((name) => existsSync(join(ROOT, 'services', name, 'src/main.ts'))).sort();
}

/** Those named, or all of them. Throws an Error that names who is not there. */
export function chosen(wanted: readonly string[], known: readonly string[]): readonly string[] {
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no such service: ${unknown.join(', ')}; there are ${known.join(', ')}`);
  return wanted.length > 0 ? wanted : known;
}
