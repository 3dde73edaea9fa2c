/**
 * A value as PostgreSQL reads it in text format; bytes stay bytes. Times are UTC to the millisecond; arrays become array
 * literals, other objects JSON.
 */
export function toParameter(value: unknown): string | Buffer | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value !== 'object') return String(value);
  if (Buffer.isBuffer(value)) return value;
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return toArrayLiteral(value);
  return JSON.stringify(value);
}

// Text of these characters reads the same with and without quotes; NULL would not, and is seldom anybody's text.
const PLAIN = /^[\w-]+$/;

function toArrayLiteral(items: readonly unknown[]): string {
  let literal = '';
  for (const item of items) literal += `${literal === '' ? '{' : ','}${toElement(item)}`;
  return literal === '' ? '{}' : `${literal}}`;
}

function toElement(item: unknown): string {
  if (typeof item === 'bigint' || typeof item === 'number' || typeof item === 'boolean') return String(item);
  if (Array.isArray(item)) return toArrayLiteral(item);
  const text = toParameter(item);
  if (text === null) return 'NULL';
  if (typeof text !== 'string') return `"\\\\x${text.toString('hex')}"`;
  if (PLAIN.test(text) && (text.length !== 4 || text.toUpperCase() !== 'NULL')) return text;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
