import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CommandFailure } from '../shop/failure.ts';
import type { Credentials } from './session.ts';

/** The folder of the project that this command is a part of. */
export const PROJECT = resolve(import.meta.dirname, '../../../..');

/** The data folder that an embedded system of this command uses. */
export function dataFolder(environment: NodeJS.ProcessEnv): string {
  return resolve(environment.WEFT_DATA || '.weft');
}

/** The administrator's address and password: from the environment, else as `npm start` wrote them. */
export async function findAdmin(environment: NodeJS.ProcessEnv): Promise<Credentials | undefined> {
  const { WEFT_ADMIN_EMAIL: email, WEFT_ADMIN_PASSWORD: password, WEFT_DATA: data } = environment;
  if (email && password) return { email, password };
  const folders = data ? [resolve(data)] : [resolve('.weft'), join(PROJECT, '.weft')];
  for (const folder of new Set(folders)) {
    const found = await readCredentials(join(folder, 'admin.json'));
    if (found) return found;
  }
  return undefined;
}

/** The administrator of a system that this command started on a data folder. */
export async function findEmbeddedAdmin(
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<Credentials | undefined> {
  const { USERS_ADMIN_EMAIL: email, USERS_ADMIN_PASSWORD: password } = environment;
  return email && password ? { email, password } : readCredentials(join(folder, 'admin.json'));
}

/** Throws CommandFailure when there is none. */
export function requireAdmin(admin: Credentials | undefined): Credentials {
  if (admin) return admin;
  throw new CommandFailure(
    'this needs an administrator: set WEFT_ADMIN_EMAIL and WEFT_ADMIN_PASSWORD, or WEFT_DATA to the data folder of npm start',
  );
}

async function readCredentials(path: string): Promise<Credentials | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') throw new CommandFailure(`${path} may not be read`);
    return undefined;
  }
  try {
    const { email, password } = JSON.parse(text) as Record<string, unknown>;
    if (typeof email === 'string' && typeof password === 'string') return { email, password };
  } catch {
    // Falls through: it is as unusable as JSON of another shape.
  }
  throw new CommandFailure(`${path} does not hold an email and a password`);
}
