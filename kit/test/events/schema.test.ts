import { create, createFileRegistry, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from '@jest/globals';
import { OrderPlacedSchema } from '@weft/gen/es/weft/orders/v1/events_pb';
import { UserRegisteredSchema } from '@weft/gen/es/weft/users/v1/events_pb';
import type { RegisteredSchema } from '../../src/events/bus.ts';
import { eventReader } from '../../src/events/reader.ts';
import { assertReadable, eventSchema, messageOf } from '../../src/events/schema.ts';

const TYPE = 'weft.orders.v1.order_placed';
const MINE: readonly (readonly [string, DescMessage])[] = [[TYPE, OrderPlacedSchema]];

/** A version of OrderPlaced that somebody else was built with. */
function versionWith(change: (set: FileDescriptorSet) => void): RegisteredSchema {
  const mine = eventSchema(TYPE, OrderPlacedSchema);
  const set = fromBinary(FileDescriptorSetSchema, mine.descriptors);
  change(set);
  const descriptors = toBinary(FileDescriptorSetSchema, set);
  return {
    ...mine,
    descriptors,
    fingerprint: 'f'.repeat(64),
    createdAt: new Date(),
    publishers: [],
    readers: ['audit'],
  };
}

function fieldsOf(set: FileDescriptorSet, message: string) {
  const found = set.file.flatMap(({ messageType }) => messageType).find(({ name }) => name === message);
  if (!found) throw new Error(`${message} is not among them`);
  return found.field;
}

describe('versions of events', () => {
  it('hold the message and what it is made of, and nothing else of its file', () => {
    const { descriptors } = eventSchema(TYPE, OrderPlacedSchema);
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
    expect(registry.getMessage('weft.orders.v1.OrderPlaced')?.fields.map(({ name }) => name)).toEqual(
      OrderPlacedSchema.fields.map(({ name }) => name),
    );
    expect(registry.getMessage('weft.orders.v1.OrderRejected')).toBeUndefined();
  });

  it('are told apart by content', () => {
    const prints = [eventSchema(TYPE, OrderPlacedSchema), eventSchema('u', UserRegisteredSchema)];
    expect(new Set(prints.map(({ fingerprint }) => fingerprint)).size).toBe(2);
  });

  it('may have more fields, fewer, or other names', () => {
    const fewer = versionWith((set) => void fieldsOf(set, 'OrderPlaced').pop());
    const renamed = versionWith((set) => {
      for (const field of fieldsOf(set, 'OrderPlaced')) field.name = `${field.name}_before`;
    });
    expect(() => assertReadable(MINE, [fewer, renamed])).not.toThrow();
  });

  it.each([
    ['the event itself', 'OrderPlaced'],
    ['what the event holds', 'EventLine'],
  ])('are refused where a field number has another type in %s, which is named', (_, message) => {
    const other = versionWith((set) => {
      const [first] = fieldsOf(set, message);
      if (first) first.type = Type.FIXED64;
    });
    expect(() => assertReadable(MINE, [other])).toThrow(/\(field 1\) is string here and fixed64, .* used by audit/);
  });

  it('are refused where a map has keys of another type', () => {
    const mapOf = (key: Type) => {
      const field = (name: string, number: number, type: Type) => ({ name, number, type, label: Label.OPTIONAL });
      const nestedType = [
        { name: 'AEntry', options: { mapEntry: true }, field: [field('key', 1, key), field('value', 2, Type.INT64)] },
      ];
      const a = {
        name: 'a',
        jsonName: 'a',
        number: 1,
        label: Label.REPEATED,
        type: Type.MESSAGE,
        typeName: '.t.M.AEntry',
      };
      const file = [
        { name: 't.proto', package: 't', syntax: 'proto3', messageType: [{ name: 'M', field: [a], nestedType }] },
      ];
      return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
    };
    const standing = eventSchema(TYPE, OrderPlacedSchema);
    const other = { ...versionWith(() => undefined), message: 't.M', descriptors: mapOf(Type.STRING) };
    const mine = messageOf({ ...standing, message: 't.M', descriptors: mapOf(Type.INT32) });
    expect(() => assertReadable([[TYPE, mine]], [other])).toThrow(
      /t\.M\.a \(field 1\) is a map of int32 to int64 here and a map of string to int64/,
    );
  });

  it('are refused where a field number has another name in JSON', () => {
    const other = versionWith((set) => {
      const [first] = fieldsOf(set, 'OrderPlaced');
      if (first) first.jsonName = 'another';
    });
    expect(() => assertReadable(MINE, [other])).toThrow(/in JSON here and another/);
  });
});

describe('events shown to people', () => {
  const registered = { ...eventSchema(TYPE, OrderPlacedSchema), createdAt: new Date(), readers: [] };
  const schemas = async () => [{ ...registered, publishers: ['orders'] }];
  const placed = create(OrderPlacedSchema, { orderId: 'o-1', paymentMethodToken: 'tok_secret' });
  const payload = toBinary(OrderPlacedSchema, placed);

  it('have no personal data and no secrets in them', async () => {
    const json = await eventReader({ schemas }, () => 0).json({ type: TYPE, payload });
    expect(JSON.parse(json)).toEqual({ orderId: 'o-1' });
  });

  it('are empty where nobody can read them', async () => {
    const reader = eventReader({ schemas }, () => 0);
    expect(await reader.json({ type: TYPE, payload: Buffer.from([255, 255]) })).toBe('');
    expect(await reader.json({ type: 'unknown', payload })).toBe('');
  });
});
