import { createHash } from 'node:crypto';

/** How many lanes the keys of events are spread over. Written into tables: a change needs a migration. */
export const BUCKETS = 8;

/** The lane of a key: FNV-1a over its UTF-8 bytes. */
export function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % BUCKETS;
}

/** A 32-bit signed number for a name, for PostgreSQL's two-key advisory locks. */
export function lockClass(name: string): number {
  return createHash('sha256').update(name).digest().readInt32BE(0);
}

const statementNames = new Map<string, string>();

/** A short name for a prepared statement, the same for the same text. */
export function statementName(text: string): string {
  let name = statementNames.get(text);
  if (name === undefined) {
    name = createHash('sha256').update(text).digest('base64url').slice(0, 22);
    if (statementNames.size < 2_000) statementNames.set(text, name);
  }
  return name;
}
