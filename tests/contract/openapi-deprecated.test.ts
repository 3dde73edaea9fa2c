import { clone, create, createFileRegistry, type DescFile, getOption, setExtension } from '@bufbuild/protobuf';
import {
  FieldOptionsSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import { beforeAll, expect, it } from '@jest/globals';
import { api_version as apiVersion } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { readContracts } from '../../kit/src/codegen/contracts.ts';
import { openApiFiles } from '../../kit/src/codegen/openapi/document.ts';
import { files } from './contracts.ts';

const ORDERS = 'weft/orders/v1/orders.proto';

/** What the generator writes of the contracts once a change has been made to them. */
function documentsAfter(change: (file: FileDescriptorProto) => void) {
  const seen = new Map<string, FileDescriptorProto>();
  const note = (file: DescFile): void => {
    if (seen.has(file.proto.name)) return;
    for (const dependency of file.dependencies) note(dependency);
    seen.set(file.proto.name, clone(FileDescriptorProtoSchema, file.proto));
  };
  for (const file of files) note(file);
  for (const file of seen.values()) change(file);
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [...seen.values()] }));
  return new Map(
    openApiFiles(readContracts(registry, 'edge=gateway')).map(({ path, content }) => [path, JSON.parse(content)]),
  );
}

// biome-ignore lint/suspicious/noExplicitAny: a test looks at what it expects
let document: any;

beforeAll(() => {
  const documents = documentsAfter((file) => {
    if (file.name !== ORDERS) return;
    const message = (wanted: string) => file.messageType.find(({ name }) => name === wanted);
    for (const [of, wanted] of [
      ['Order', 'reason'],
      ['ListOrdersRequest', 'status'],
      ['PlaceOrderRequest', 'payment_method_token'],
    ] as const) {
      const field = message(of)?.field.find(({ name }) => name === wanted);
      if (field) field.options = Object.assign(field.options ?? create(FieldOptionsSchema), { deprecated: true });
    }
    const method = file.service[0]?.method.find(({ name }) => name === 'ReturnItems');
    if (method) method.options = Object.assign(method.options ?? create(MethodOptionsSchema), { deprecated: true });
  });
  document = documents.get('gen/openapi/openapi.json');
});

it('a method that the contract deprecates is a deprecated operation, and no other is', () => {
  const deprecated = Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs as Record<string, { deprecated?: boolean }>).flatMap(([verb, operation]) =>
      operation.deprecated ? [`${verb} ${path}`] : [],
    ),
  );
  expect(deprecated).toEqual(['post /api/v2/orders/{orderId}:return']);
});

it('a field that the contract deprecates is a deprecated property, of answers and of bodies', () => {
  const { Order, PlaceOrderBody } = document.components.schemas;
  expect([Order.properties.reason.deprecated, Order.properties.status.deprecated]).toEqual([true, undefined]);
  const { paymentMethodToken, lines } = PlaceOrderBody.properties;
  expect([paymentMethodToken.deprecated, lines.deprecated]).toEqual([true, undefined]);
});

it('a field of a query that the contract deprecates is a deprecated parameter', () => {
  const { parameters } = document.paths['/api/v2/orders'].get;
  const found = parameters.filter(({ deprecated }: { deprecated?: boolean }) => deprecated);
  expect(found.map(({ name }: { name: string }) => name)).toEqual(['status']);
});

it('a version that renames what is no field is refused, and so are two that are current', () => {
  const rename = (file: FileDescriptorProto) => {
    const user = file.messageType.find(({ name }) => name === 'User');
    const email = user?.field.find(({ name }) => name === 'email');
    if (email) Object.assign(email, { name: 'mail', jsonName: 'mail' });
  };
  expect(() => documentsAfter(rename)).toThrow(/renames weft\.users\.v1\.User\.email, which is no field/);
  const twice = (file: FileDescriptorProto) => {
    if (file.name !== 'weft/policy/v1/api_v1.proto' || !file.options) return;
    const version = getOption(files.find(({ proto }) => proto.name === file.name) as DescFile, apiVersion);
    setExtension(file.options, apiVersion, { ...version, deprecated: undefined });
  };
  expect(() => documentsAfter(twice)).toThrow(/of the versions v1, v2 one has to be current/);
});
