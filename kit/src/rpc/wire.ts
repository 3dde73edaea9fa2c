import { isUtf8 } from 'node:buffer';
import { type DescField, type DescMessage, getOption, ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { field as fieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import type { FieldViolation } from '../failure/index.ts';
import { mayHoldCardNumber } from '../telemetry/index.ts';

/**
 * Walks encoded bytes next to their descriptor. The two codecs disagree on a field of another wire type (one reads it as
 * unknown, the other as a value) and on a message that is sent in parts (one merges them, the other keeps the last), so such
 * a request must stop here: it would be validated as one thing and handled as another. So must one that costs much more to
 * decode than to send: lists longer than their rule allows, and thousands of fields that nobody knows.
 */
export function walkWire(message: DescMessage, bytes: Uint8Array): Walk {
  const cursor: Cursor = { bytes, at: 0, unknown: 0, mayHoldCardNumber: false };
  try {
    walkMessage(planOf(message), cursor, bytes.length, '', 0);
    return { malformed: undefined, mayHoldCardNumber: cursor.mayHoldCardNumber };
  } catch (error) {
    if (error instanceof Malformed) return { malformed: error.violation, mayHoldCardNumber: true };
    throw error;
  }
}

export interface Walk {
  readonly malformed: FieldViolation | undefined;
  /** False where no text of the message has what it takes. */
  readonly mayHoldCardNumber: boolean;
}

// Below the limits of both codecs, which are not the same.
const MAX_DEPTH = 64;
const MAX_UNKNOWN = 1000;
const MAX_ITEMS = 10_000;

/** Thrown within this file. It is no Error: broken requests are not worth a stack each. */
class Malformed {
  readonly violation: FieldViolation;

  constructor(field: string, rule: string, description: string) {
    this.violation = { field, rule, description };
  }
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  unknown: number;
  mayHoldCardNumber: boolean;
}

interface FieldPlan {
  readonly name: string;
  readonly wireType: WireType;
  readonly repeated: boolean;
  readonly maxItems: number;
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
  const repeated = field.fieldKind === 'list' || field.fieldKind === 'map';
  const base = { name: field.name, repeated, maxItems: maxItemsOf(field) };
  const nested = (message: () => MessagePlan) => ({
    ...base,
    wireType: WireType.LengthDelimited,
    packable: false,
    utf8: false,
    message,
  });
  if (field.fieldKind === 'map') {
    const value = field.mapKind === 'message' ? nested(() => planOf(field.message)) : scalarPlan('value', field.scalar);
    return nested(
      () =>
        new Map([
          [1, scalarPlan('key', field.mapKey)],
          [2, { ...value, name: 'value', repeated: false, maxItems: 1 }],
        ]),
    );
  }
  if (field.message) {
    const { message } = field;
    return nested(() => planOf(message));
  }
  const scalar = scalarPlan(field.name, field.scalar);
  return { ...scalar, ...base, packable: repeated && scalar.wireType !== WireType.LengthDelimited };
}

function scalarPlan(name: string, scalar: ScalarType | undefined): FieldPlan {
  return {
    name,
    repeated: false,
    maxItems: 1,
    wireType: wireTypeOf(scalar),
    packable: false,
    utf8: scalar === ScalarType.STRING,
    message: undefined,
  };
}

function maxItemsOf(field: DescField): number {
  if (field.fieldKind !== 'list' && field.fieldKind !== 'map') return 1;
  const { type } = getOption(field, fieldRules);
  if (type.case === 'repeated' && type.value.maxItems > 0n) return Number(type.value.maxItems);
  if (type.case === 'map' && type.value.maxPairs > 0n) return Number(type.value.maxPairs);
  return MAX_ITEMS;
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
    const [number, wireType] = readTag(cursor, end, path);
    const field = plan.get(number);
    if (!field) {
      cursor.unknown++;
      if (cursor.unknown > MAX_UNKNOWN)
        throw new Malformed(path, 'wire.unknown', `must not hold more than ${MAX_UNKNOWN} unknown fields`);
      skip(cursor, end, wireType, number, path, depth);
      continue;
    }
    let name = path === '' ? field.name : `${path}.${field.name}`;
    const packed = field.packable && wireType === WireType.LengthDelimited;
    if (wireType !== field.wireType && !packed) throw new Malformed(name, 'wire.type', 'is encoded as another type');
    if (field.repeated || field.message) {
      counts ??= new Map();
      const index = counts.get(number) ?? 0;
      const count = index + (packed ? packedItems(field, cursor, end, name) : 1);
      counts.set(number, count);
      if (count > field.maxItems) throw tooMany(field, name);
      if (packed) continue;
      if (field.repeated && (field.message || field.utf8)) name = `${name}[${index}]`;
    }
    readField(field, cursor, end, wireType, name, depth);
  }
}

function tooMany(field: FieldPlan, name: string): Malformed {
  if (!field.repeated) return new Malformed(name, 'wire.repeated', 'must be sent once');
  return new Malformed(name, 'repeated.max_items', `must contain at most ${field.maxItems} items`);
}

/** Reads past a packed list; gives how many it holds. */
function packedItems(field: FieldPlan, cursor: Cursor, end: number, name: string): number {
  const until = readLength(cursor, end, name);
  let count = 0;
  for (; cursor.at < until; count++) skip(cursor, until, field.wireType, 0, name, 0);
  return count;
}

function readTag(cursor: Cursor, end: number, path: string): readonly [number: number, wireType: number] {
  const from = cursor.at;
  const tag = readVarint(cursor, end, path);
  const number = Math.floor(tag / 8);
  // One codec reads tags of up to ten bytes, the other of up to five.
  if (cursor.at - from > 5 || number === 0 || number > 0x1fffffff)
    throw new Malformed(path, 'wire.tag', 'has an impossible field number');
  return [number, tag & 7];
}

function readLength(cursor: Cursor, end: number, name: string): number {
  const length = readVarint(cursor, end, name);
  const until = cursor.at + length;
  if (until > end) throw new Malformed(name, 'wire.length', 'is longer than the message that holds it');
  return until;
}

function readField(field: FieldPlan, cursor: Cursor, end: number, wireType: number, name: string, depth: number): void {
  if (wireType !== WireType.LengthDelimited) return skip(cursor, end, wireType, 0, name, depth);
  const until = readLength(cursor, end, name);
  if (field.message) return walkMessage(field.message(), cursor, until, name, depth + 1);
  if (field.utf8) {
    checkText(cursor.bytes.subarray(cursor.at, until), name);
    cursor.mayHoldCardNumber ||= mayHoldCardNumber(cursor.bytes, cursor.at, until);
  }
  cursor.at = until;
}

// No text of ours holds a NUL, and PostgreSQL takes none.
function checkText(text: Uint8Array, name: string): void {
  if (!isUtf8(text)) throw new Malformed(name, 'string.utf8', 'must be valid UTF-8');
  if (text.includes(0)) throw new Malformed(name, 'string.nul', 'must not hold a NUL character');
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
    const [number, wireType] = readTag(cursor, end, path);
    if (wireType === WireType.EndGroup) {
      if (number !== group) break;
      return;
    }
    skip(cursor, end, wireType, number, path, depth);
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
