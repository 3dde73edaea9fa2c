import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { isId } from '../context/index.ts';
import type { MethodContract } from './contract.ts';

/** Fields by which a call is found, and the attribute that each becomes. None is one that its contract redacts. */
const ATTRIBUTES = { order_id: 'weft.order.id', saga_id: 'weft.saga.id' } as const;
type Name = keyof typeof ATTRIBUTES;

/** A message as it was decoded, or its bytes where it stays encoded. */
type Told = object | undefined;

export interface CallId {
  readonly attribute: string;
  /** The id; empty where the call names none. */
  read(request: Told, response: Told): string;
}

/** Ids that a method's request names, or what its response holds. */
export function callIdsOf({ input, output }: MethodContract): readonly CallId[] {
  return Object.keys(ATTRIBUTES).flatMap((name): CallId[] => {
    const asked = named(input, name);
    const given = output.fields.flatMap((field): DescField[][] => {
      if (field.name === name) return plain(field) ? [[field]] : [];
      if (field.fieldKind !== 'message' || field.proto.options?.debugRedact) return [];
      const inner = named(field.message, name);
      return inner ? [[field, inner]] : [];
    })[0];
    if (!asked && !given) return [];
    const read = (request: Told, response: Told) =>
      (asked && idAt(request, [asked])) || (given && idAt(response, given)) || '';
    return [{ attribute: ATTRIBUTES[name as Name], read }];
  });
}

const plain = (field: DescField): boolean => field.fieldKind === 'scalar' && !field.proto.options?.debugRedact;

const named = ({ fields }: DescMessage, name: string): DescField | undefined =>
  fields.find((field) => field.name === name && plain(field));

function idAt(message: Told, path: readonly DescField[]): string {
  const found = message instanceof Uint8Array ? inBytes(message, path) : inObject(message, path);
  return isId(found) ? found : '';
}

function inObject(message: unknown, path: readonly DescField[]): unknown {
  let found = message;
  for (const { localName } of path) found = (found as Readonly<Record<string, unknown>> | undefined)?.[localName];
  return found;
}

function inBytes(message: Uint8Array, path: readonly DescField[]): string | undefined {
  let found: Uint8Array | undefined = message;
  for (const { number } of path) found = found && fieldOf(found, number);
  return found && Buffer.from(found.buffer, found.byteOffset, found.length).toString('latin1');
}

function fieldOf(message: Uint8Array, number: number): Uint8Array | undefined {
  const reader = new BinaryReader(message);
  try {
    while (reader.pos < reader.len) {
      const [found, type] = reader.tag();
      if (found === number && type === WireType.LengthDelimited) return reader.bytes();
      reader.skip(type, found);
    }
  } catch {
    // It is malformed: whoever decodes it says so.
  }
  return undefined;
}
