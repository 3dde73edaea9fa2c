import { isUtf8 } from 'node:buffer';
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import type { FieldViolation } from '../failure/index.ts';

/**
 * Walks encoded bytes next to their descriptor. The two codecs disagree on a field of another wire type (one reads it as
 * unknown, the other as a value), so such a request must stop here: it would be validated as one thing and handled as another.
 */
export function malformedField(message: DescMessage, bytes: Uint8Array): FieldViolation | undefined {
  try {
    walkMessage(planOf(message), { bytes, at: 0 }, bytes.length, '', 0);
    return undefined;
  } catch (error) {
    if (error instanceof Malformed) return error.violation;
    throw error;
  }
}

const MAX_DEPTH = 100;

class Malformed extends Error {
  readonly violation: FieldViolation;

  constructor(field: string, rule: string, description: string) {
    super(description);
    this.violation = { field, rule, description };
  }
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

interface FieldPlan {
  readonly name: string;
  readonly wireType: WireType;
  readonly repeated: boolean;
  /** A repeated scalar may come packed, several in one length-delimited field. */
  readonly packable: boolean;
  readonly utf8: boolean;
  readonly message: (() => MessagePlan) | undefined;
}

type MessagePlan = ReadonlyMap<number, FieldPlan>;

const plans = new WeakMap<DescMessage, MessagePlan>();

function planOf(message: DescMessage): MessagePlan {
  const known = plans.get(message);
  if (known) return known;
  const plan = new Map(message.fields.map((field) => [field.number, fieldPlan(field)]));
  plans.set(message, plan);
  return plan;
}

function fieldPlan(field: DescField): FieldPlan {
  const base = { name: field.name, repeated: field.fieldKind === 'list' || field.fieldKind === 'map' };
  const nested = (message: () => MessagePlan) => ({
    ...base,
    wireType: WireType.LengthDelimited,
    packable: false,
    utf8: false,
    message,
  });
  if (field.fieldKind === 'map') {
    const value =
      field.mapKind === 'message' ? nested(() => planOf(field.message)) : scalarPlan('value', field.scalar, false);
    return nested(
      () =>
        new Map([
          [1, scalarPlan('key', field.mapKey, false)],
          [2, { ...value, name: 'value', repeated: false }],
        ]),
    );
  }
  if (field.message) {
    const { message } = field;
    return nested(() => planOf(message));
  }
  return scalarPlan(field.name, field.scalar, base.repeated);
}

function scalarPlan(name: string, scalar: ScalarType | undefined, repeated: boolean): FieldPlan {
  const wireType = wireTypeOf(scalar);
  const packable = repeated && wireType !== WireType.LengthDelimited;
  return { name, repeated, wireType, packable, utf8: scalar === ScalarType.STRING, message: undefined };
}

function wireTypeOf(scalar: ScalarType | undefined): WireType {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}

function walkMessage(plan: MessagePlan, cursor: Cursor, end: number, path: string, depth: number): void {
  if (depth > MAX_DEPTH) throw new Malformed(path, 'wire.depth', `must not be nested deeper than ${MAX_DEPTH}`);
  let counts: Map<number, number> | undefined;
  while (cursor.at < end) {
    const tag = readVarint(cursor, end, path);
    const number = Math.floor(tag / 8);
    const wireType = tag & 7;
    const field = plan.get(number);
    if (!field) {
      if (number === 0 || number > 0x1fffffff) throw new Malformed(path, 'wire.tag', 'has an impossible field number');
      skip(cursor, end, wireType, number, path, depth);
      continue;
    }
    let name = path === '' ? field.name : `${path}.${field.name}`;
    if (field.repeated) {
      counts ??= new Map();
      const index = counts.get(number) ?? 0;
      counts.set(number, index + 1);
      if (field.message || field.utf8) name = `${name}[${index}]`;
    }
    if (wireType !== field.wireType && !(field.packable && wireType === WireType.LengthDelimited)) {
      throw new Malformed(name, 'wire.type', 'is encoded as another type');
    }
    readField(field, cursor, end, wireType, name, depth);
  }
}

function readField(field: FieldPlan, cursor: Cursor, end: number, wireType: number, name: string, depth: number): void {
  if (wireType !== WireType.LengthDelimited) return skip(cursor, end, wireType, 0, name, depth);
  const length = readVarint(cursor, end, name);
  const until = cursor.at + length;
  if (until > end) throw new Malformed(name, 'wire.length', 'is longer than the message that holds it');
  if (field.message) return walkMessage(field.message(), cursor, until, name, depth + 1);
  if (field.utf8 && !isUtf8(cursor.bytes.subarray(cursor.at, until)))
    throw new Malformed(name, 'string.utf8', 'must be valid UTF-8');
  if (field.packable) {
    while (cursor.at < until) skip(cursor, until, field.wireType, 0, name, depth);
    return;
  }
  cursor.at = until;
}

function skip(cursor: Cursor, end: number, wireType: number, number: number, path: string, depth: number): void {
  switch (wireType) {
    case WireType.Varint:
      readVarint(cursor, end, path);
      return;
    case WireType.Bit64:
      return advance(cursor, end, 8, path);
    case WireType.Bit32:
      return advance(cursor, end, 4, path);
    case WireType.LengthDelimited:
      return advance(cursor, end, readVarint(cursor, end, path), path);
    case WireType.StartGroup:
      return skipGroup(cursor, end, number, path, depth + 1);
    default:
      throw new Malformed(path, 'wire.type', 'has an impossible wire type');
  }
}

function skipGroup(cursor: Cursor, end: number, group: number, path: string, depth: number): void {
  if (depth > MAX_DEPTH) throw new Malformed(path, 'wire.depth', `must not be nested deeper than ${MAX_DEPTH}`);
  while (cursor.at < end) {
    const tag = readVarint(cursor, end, path);
    const number = Math.floor(tag / 8);
    if ((tag & 7) === WireType.EndGroup) {
      if (number !== group) break;
      return;
    }
    skip(cursor, end, tag & 7, number, path, depth);
  }
  throw new Malformed(path, 'wire.group', 'has a group that does not end');
}

function advance(cursor: Cursor, end: number, length: number, path: string): void {
  if (cursor.at + length > end) throw new Malformed(path, 'wire.length', 'ends too early');
  cursor.at += length;
}

/** Reads a varint of up to ten bytes. Values above 2^53 lose their low bits, which neither tags nor lengths reach. */
function readVarint(cursor: Cursor, end: number, path: string): number {
  let value = 0;
  let scale = 1;
  for (let count = 0; count < 10; count++) {
    if (cursor.at >= end) throw new Malformed(path, 'wire.length', 'ends too early');
    const byte = cursor.bytes[cursor.at++] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    scale *= 128;
  }
  throw new Malformed(path, 'wire.varint', 'has a number of more than ten bytes');
}
