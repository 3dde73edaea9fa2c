import { InvalidArgument } from '@weft/kit/failure';
import { fromUtf8 } from '../http/utf8.ts';

const MOST_DEPTH = 64;

/** A body that is no JSON, or says a thing twice. */
export class Malformed extends InvalidArgument {
  override readonly reason = 'MALFORMED';
}

const malformed = (rule: string, description: string, field = '') => new Malformed([{ field, rule, description }]);

export type JsonObject = { [key: string]: unknown };

/**
 * Parses an object. Throws Malformed for what is none, for a key that comes twice, in whatever spelling, for a whole number that
 * JavaScript would round, and for too deep a nesting.
 */
export function parseObject(body: Buffer): JsonObject {
  let text: string;
  let value: unknown;
  try {
    text = fromUtf8(body);
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    throw malformed('json.syntax', 'the body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed('json.object', 'the body has to be an object');
  assertUnambiguous(text);
  return value as JsonObject;
}

/** One pass over text that is known to be JSON: what JSON.parse passes over in silence is found here. */
function assertUnambiguous(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 0x7b || char === 0x5b) {
      if (open.length >= MOST_DEPTH) throw malformed('json.depth', `the body is nested deeper than ${MOST_DEPTH}`);
      open.push(char === 0x7b ? new Set() : undefined);
    } else if (char === 0x7d || char === 0x5d) open.pop();
    else if (char === 0x2d || (char >= 0x30 && char <= 0x39)) at = assertExact(text, at);
    else if (char === 0x22) {
      const from = at;
      for (at++; text.charCodeAt(at) !== 0x22; at++) if (text.charCodeAt(at) === 0x5c) at++;
      const keys = open.at(-1);
      if (keys && isKey(text, at + 1)) note(keys, JSON.parse(text.slice(from, at + 1)) as string);
    }
  }
}

const NUMBER = /[-+.\dEe]*/y;

/** Gives the place of the number's last character. */
function assertExact(text: string, from: number): number {
  NUMBER.lastIndex = from;
  const [number = ''] = NUMBER.exec(text) ?? [];
  const value = Number(number);
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    throw malformed('json.number', 'a number as large as this has to be sent as a string');
  return from + number.length - 1;
}

function isKey(text: string, from: number): boolean {
  let at = from;
  while (text.charCodeAt(at) <= 0x20) at++;
  return text.charCodeAt(at) === 0x3a;
}

function note(keys: Set<string>, key: string): void {
  // ProtoJSON takes a field by either of its names.
  const name = key.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  if (key === '__proto__' || keys.has(name))
    throw malformed('json.duplicate', 'the body has a key twice', name.slice(0, 64));
  keys.add(name);
}
