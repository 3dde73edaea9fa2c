import { open, stat, truncate } from 'node:fs/promises';

const LIMIT_BYTES = 4 * 1024 * 1024;
const CHECK_EVERY_MS = 10_000;
const READ_BYTES = 64 * 1024;

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.size,
    () => 0,
  );
}

/** Empties the log when it is too large. The server appends, so it goes on at the beginning. */
export async function trimLog(path: string): Promise<void> {
  if ((await sizeOf(path)) > LIMIT_BYTES) await truncate(path).catch(() => undefined);
}

/** Keeps the log bounded while the server runs. */
export function watchLog(path: string): () => void {
  const timer = setInterval(() => void trimLog(path), CHECK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** What was written since `offset`: its end, when that is long. */
export async function readLog(path: string, offset: number): Promise<string> {
  const size = await sizeOf(path);
  const from = Math.max(offset, size - READ_BYTES);
  if (size <= from) return '';
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
}

export { sizeOf as logSize };
