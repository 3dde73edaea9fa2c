import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedPostgresError, errorCode } from './errors.ts';
import { isAlive, processStartTime } from './processes.ts';

const GUARD_STALE_MS = 5_000;
const GUARD_LIMIT_MS = 8_000;

interface Holder {
  readonly pid: number;
  readonly started?: string | undefined;
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number')
      return undefined;
    const started = 'started' in value && typeof value.started === 'string' ? value.started : undefined;
    return { pid: value.pid, started };
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function stillHolds(holder: Holder): Promise<boolean> {
  if (!(await isAlive(holder.pid))) return false;
  const started = await processStartTime(holder.pid);
  return started === undefined || holder.started === undefined || started === holder.started;
}

/** Whether a living process has the data folder. */
export async function isHeld(folder: string): Promise<boolean> {
  const holder = await readHolder(join(folder, 'lock'));
  return holder !== undefined && (await stillHolds(holder));
}

/** Only who holds the guard reads and writes the lock, so two who find the same dead holder do not both take over. */
async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  const guard = `${path}.guard`;
  const end = performance.now() + GUARD_LIMIT_MS;
  for (;;) {
    try {
      await (await open(guard, 'wx')).close();
      break;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    const age = await stat(guard).then(
      (found) => Date.now() - found.mtimeMs,
      () => 0,
    );
    if (age > GUARD_STALE_MS || age < -GUARD_STALE_MS) await rm(guard, { force: true });
    else if (performance.now() > end) throw new EmbeddedPostgresError(`the file ${guard} does not go away: remove it`);
    else await sleep(20);
  }
  try {
    return await work();
  } finally {
    await rm(guard, { force: true });
  }
}

/**
 * Takes the data folder for this process, in the file `lock`. What a dead process left is taken over.
 * Returns how to give it back. Throws EmbeddedPostgresError, naming the process, when it is held.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock');
  const mine: Holder = { pid: process.pid, started: await processStartTime(process.pid) };
  await guarded(path, async () => {
    const holder = await readHolder(path);
    if (holder && (await stillHolds(holder))) {
      const who = holder.pid === process.pid ? `this process (${holder.pid})` : `process ${holder.pid}`;
      throw new EmbeddedPostgresError(
        `the data folder ${folder} is in use by ${who}: stop it first, or use another data folder`,
      );
    }
    const next = `${path}.next`;
    await writeFile(next, `${JSON.stringify(mine)}\n`);
    await rename(next, path);
  });
  return async () => {
    await guarded(path, async () => {
      const holder = await readHolder(path);
      if (holder?.pid === mine.pid && holder.started === mine.started) await rm(path, { force: true });
    });
  };
}
