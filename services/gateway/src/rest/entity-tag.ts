import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { JsonObject } from './json-text.ts';

/** What an entity tag is of. */
export interface Tagged {
  /** Where the resource is. */
  readonly self: string | undefined;
  readonly resource: JsonObject | undefined;
}

const PLACE_LENGTH = 8;
const TEXT_LENGTH = 16;
const GZIPPED = '-gzip';
const TAGS = /(?:W\/)?"[^"]*"/g;
const OURS = new RegExp(String.raw`^"v([1-9]\d{0,17})\.([\w-]{${PLACE_LENGTH}})[\w-]{${TEXT_LENGTH}}(?:${GZIPPED})?"$`);

/** `"v5.Yw3…"`: the version of what it is of, for If-Match, and hashes of where that is and of all that was said of it. */
export function entityTag(text: string, { self, resource }: Tagged): string {
  const version = /^\d{1,18}$/.test(String(resource?.version)) ? String(resource?.version) : '0';
  return `"v${version}.${placed(self ?? '')}${hash('sha1', text, 'base64url').slice(0, TEXT_LENGTH)}"`;
}

/** The tag of the same compressed, of which other bytes are sent. Source: RFC 9110, 8.8.3.3. */
export const gzippedTag = (tag: string): string => `${tag.slice(0, -1)}${GZIPPED}"`;

/**
 * The version that a list of entity tags names of what is at a path: the last, as none comes again. Undefined where no tag is of
 * that, or it is weak. What else was said with that version is not compared. Source: RFC 9110, 13.1.1.
 */
export function versionNamed(tags: string, path: string): string | undefined {
  const place = placed(path);
  let last: string | undefined;
  for (const [tag] of tags.matchAll(TAGS)) {
    const [, version, of] = OURS.exec(tag) ?? [];
    if (version !== undefined && of === place && (last === undefined || BigInt(version) > BigInt(last))) last = version;
  }
  return last;
}

/** The same in each version of the API, and for every way of writing an id. */
const placed = (path: string): string =>
  crc32(path.replace(VERSION, '').replace(UUID, lowered)).toString(16).padStart(PLACE_LENGTH, '0');

const VERSION = /^\/api\/[^/]+/;
const UUID = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/gi;
const lowered = (text: string): string => text.toLowerCase();
