import { create, createFileRegistry, fromBinary, getOption } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Client, credentials } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { method as methodPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { serveService } from '@weft/kit/rpc';
import { some } from '@weft/kit/testing';
import { contracts } from './contracts.ts';
import { stage } from './stage.ts';

const { serve, after } = stage();
const VERSIONS = ['v1', 'v1alpha'];
const LIST = 7;
const BY_SYMBOL = 4;
const BY_FILE = 3;
const EXTENSION = 5;
const NUMBERS = 6;

/** What a server says of itself, asked as grpcurl does. Source: grpc/reflection/v1/reflection.proto. */
async function reflecting(version: string) {
  const bindings = contracts.map(({ generated, descriptor }) =>
    serveService(generated, descriptor, some(generated, {})),
  );
  const { target } = await serve(bindings);
  const client = new Client(target, credentials.createInsecure());
  after(() => client.close());
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const same = (bytes: Buffer) => bytes;
  const bytes = (request: Uint8Array) =>
    new Promise<Buffer>((resolve, reject) => {
      const call = client.makeBidiStreamRequest(path, same, same);
      call.on('data', resolve);
      call.on('error', reject);
      call.end(Buffer.from(request));
    });
  const raw = (field: number, value: Uint8Array) =>
    bytes(
      new BinaryWriter()
        .uint32((field << 3) | 2)
        .bytes(value)
        .finish(),
    );
  const ask = async (field: number, text: string) => answerOf(await raw(field, Buffer.from(text)));
  return Object.assign(ask, { raw, bytes });
}

interface Answer {
  readonly files: Uint8Array[];
  readonly services: string[];
  readonly error: number | undefined;
}

function answerOf(bytes: Uint8Array): Answer {
  const files = parts(bytes, 4).flatMap((one) => parts(one, 1));
  const services = parts(bytes, 6)
    .flatMap((one) => parts(one, 1))
    .flatMap((one) => parts(one, 1))
    .map((name) => Buffer.from(name).toString());
  const [refusal] = parts(bytes, 7);
  return { files, services, error: refusal?.[1] };
}

/** A symbol's file and all that it imports, asked for one by one as grpcurl does where they do not come with it. */
async function withImports(ask: (field: number, text: string) => Promise<Answer>, symbol: string) {
  const found = new Map<string, FileDescriptorProto>();
  const missing = [symbol];
  for (let name = missing.pop(); name !== undefined; name = missing.pop()) {
    if (found.has(name)) continue;
    const { files, error } = await ask(name === symbol ? BY_SYMBOL : BY_FILE, name);
    expect(error).toBeUndefined();
    for (const file of files.map((one) => fromBinary(FileDescriptorProtoSchema, one))) {
      found.set(file.name, file);
      missing.push(...file.dependency);
    }
  }
  return found;
}

function importsFirst(files: ReadonlyMap<string, FileDescriptorProto>, root: string): FileDescriptorProto[] {
  const ordered = new Set<FileDescriptorProto>();
  const visit = (name: string) => {
    const file = files.get(name);
    if (!file || ordered.has(file)) return;
    file.dependency.forEach(visit);
    ordered.add(file);
  };
  visit(root);
  return [...ordered];
}

/** The length-delimited fields of a number. */
function parts(bytes: Uint8Array, wanted: number): Uint8Array[] {
  const reader = new BinaryReader(bytes);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === wanted && type === 2) found.push(reader.bytes());
    else reader.skip(type, number);
  }
  return found;
}

describe.each(VERSIONS)('reflection %s', (version) => {
  it('lists every service', async () => {
    const ask = await reflecting(version);
    const { services } = await ask(LIST, '*');
    const ours = contracts.map(({ descriptor }) => descriptor.typeName);
    expect(services.sort()).toEqual(['grpc.health.v1.Health', ...ours].sort());
  });

  it('knows the details of errors, which no contract names', async () => {
    const ask = await reflecting(version);
    expect((await ask(BY_SYMBOL, 'google.rpc.BadRequest')).files).not.toEqual([]);
  });

  it('describes every service with all that it imports, options included', async () => {
    const ask = await reflecting(version);
    for (const { descriptor } of contracts) {
      const files = await withImports(ask, descriptor.typeName);
      const file = importsFirst(files, `${descriptor.file.name}.proto`);
      const described = createFileRegistry(create(FileDescriptorSetSchema, { file })).getService(descriptor.typeName);
      expect(described?.methods.map(({ name }) => name)).toEqual(descriptor.methods.map(({ name }) => name));
      for (const method of described?.methods ?? []) {
        const { timeout, stream } = getOption(method, methodPolicy);
        expect(timeout ?? stream).toBeDefined();
        expect(method.input.typeName).toMatch(/Request$/);
      }
    }
  });

  it('brings with a file all that it imports', async () => {
    const ask = await reflecting(version);
    const { files } = await ask(BY_FILE, 'weft/orders/v1/orders.proto');
    const described = files.map((one) => fromBinary(FileDescriptorProtoSchema, one));
    const names = new Set(described.map(({ name }) => name));
    expect(described.flatMap(({ dependency }) => dependency.filter((name) => !names.has(name)))).toEqual([]);
  });

  it('finds messages, methods and files by name, and says when there is no such thing', async () => {
    const ask = await reflecting(version);
    const byMessage = await ask(BY_SYMBOL, 'weft.orders.v1.PlaceOrderRequest');
    const byMethod = await ask(BY_SYMBOL, 'weft.orders.v1.OrdersService.PlaceOrder');
    const byFile = await ask(BY_FILE, 'weft/orders/v1/orders.proto');
    const names = [byMessage, byMethod, byFile].map(({ files }) =>
      files.map((one) => fromBinary(FileDescriptorProtoSchema, one).name).includes('weft/orders/v1/orders.proto'),
    );
    expect(names).toEqual([true, true, true]);
    expect(await ask(BY_SYMBOL, 'weft.orders.v1.Nothing')).toMatchObject({ files: [], error: 5 });
    expect(await ask(BY_FILE, 'nothing.proto')).toMatchObject({ files: [], error: 5 });
  });

  it('knows extensions and their numbers', async () => {
    const ask = await reflecting(version);
    const options = 'google.protobuf.MethodOptions';
    const numbers = parts(await ask.raw(NUMBERS, Buffer.from(options)), 5);
    expect(Buffer.concat(numbers).includes(Buffer.from(new BinaryWriter().int32(methodPolicy.number).finish()))).toBe(
      true,
    );
    const extension = new BinaryWriter().uint32(10).string(options).uint32(16).int32(methodPolicy.number).finish();
    const [file] = parts(await ask.raw(EXTENSION, extension), 4).flatMap((one) => parts(one, 1));
    expect(fromBinary(FileDescriptorProtoSchema, file ?? Buffer.alloc(0)).name).toBe('weft/policy/v1/policy.proto');
    expect(answerOf(await ask.raw(NUMBERS, Buffer.from('weft.nothing')))).toMatchObject({ error: 5 });
  });

  it.each([
    ['no question', Buffer.alloc(0)],
    ['a question without an end', Buffer.from([0x22, 0x7f])],
    ['an extension without an end', Buffer.from([0x2a, 0x02, 0x0a, 0x7f])],
    ['something else', Buffer.from([0xff, 0xff, 0xff])],
  ])('answers %s with an error', async (_, bytes) => {
    const ask = await reflecting(version);
    expect(answerOf(await ask.bytes(bytes))).toMatchObject({ files: [], error: 3 });
  });
});
