import {
  clone,
  create,
  createFileRegistry,
  type DescFile,
  type DescService,
  getExtension,
  type MessageInitShape,
  setExtension,
} from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { MethodPolicySchema, method as methodPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';

type Policy = MessageInitShape<typeof MethodPolicySchema>;

/** The contract of a service with other policies on some of its methods, as if its .proto said so. */
export function contractWith(service: DescService, policies: Readonly<Record<string, Policy>>): DescService {
  const file = clone(FileDescriptorProtoSchema, service.file.proto);
  for (const method of file.service.flatMap((one) => one.method)) {
    const wanted = policies[method.name];
    if (!wanted || !method.options) continue;
    const { roles, callers, timeout, stream } = getExtension(method.options, methodPolicy);
    const standing = { roles, callers, ...(timeout && { timeout }), ...(stream && { stream }) };
    setExtension(method.options, methodPolicy, create(MethodPolicySchema, { ...standing, ...wanted }));
  }
  const imports = new Map(importsOf(service.file).map((one) => [`${one.name}.proto`, one]));
  const changed = createFileRegistry(file, (name) => imports.get(name)).getService(service.typeName);
  if (!changed) throw new Error(`${service.typeName} is lost`);
  return changed;
}

function importsOf(file: DescFile): DescFile[] {
  return file.dependencies.flatMap((one) => [one, ...importsOf(one)]);
}

export const milliseconds = (ms: number) => ({
  seconds: BigInt(Math.floor(ms / 1000)),
  nanos: (ms % 1000) * 1_000_000,
});
