import { randomBytes } from 'node:crypto';
import { mkdir, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedPostgres, type Settings, startEmbeddedPostgres } from '@weft/all/embedded';

declare global {
  var weftTestPostgres: EmbeddedPostgres | undefined;
}

const MEMORY_DISK = '/dev/shm';
const ROOM_BYTES = 4 * 1024 ** 3;

const FAST: Settings = {
  fsync: false,
  synchronous_commit: false,
  full_page_writes: false,
  max_wal_size: '128MB',
  min_wal_size: '32MB',
};

/** Every database is 300 files; ext4 becomes slow at making files for minutes after many have been deleted. */
async function hasMemoryDisk(): Promise<boolean> {
  if (process.platform !== 'linux' || freemem() < ROOM_BYTES) return false;
  return statfs(MEMORY_DISK).then(
    (found) => found.bavail * found.bsize >= ROOM_BYTES,
    () => false,
  );
}

/**
 * One PostgreSQL for the whole run, gone when the run ends, however it ends. WEFT_TEST_DATABASE_URL is its superuser's
 * URL, or names a server that is there already; WEFT_TEST_FOLDER is where tests put their own large folders.
 */
export default async function globalSetup(): Promise<void> {
  if (process.env.WEFT_TEST_DATABASE_URL) return;
  const durable = process.env.WEFT_TEST_FSYNC === '1';
  const base = !durable && (await hasMemoryDisk()) ? MEMORY_DISK : tmpdir();
  const tell = (fields: object, message: string): void => console.error(message, fields);
  const dataFolder = join(base, `weft-test-${randomBytes(6).toString('hex')}`);
  const postgres = await startEmbeddedPostgres({
    dataFolder,
    temporary: true,
    settings: durable ? {} : FAST,
    logger: { info: () => undefined, warn: tell, error: tell },
  });
  globalThis.weftTestPostgres = postgres;
  process.env.WEFT_TEST_FOLDER = join(dataFolder, 'files');
  await mkdir(process.env.WEFT_TEST_FOLDER);
  process.env.WEFT_TEST_DATABASE_URL = postgres.adminUrl;
}
