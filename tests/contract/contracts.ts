import { globSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DescFile, DescMessage, DescService } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';

const GEN = join(import.meta.dirname, '../../gen');

/** What ts-proto generates for a message. */
export interface Codec {
  readonly $type: string;
  encode(message: unknown): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
}

async function exportsOf(folder: string, pattern: string): Promise<unknown[]> {
  const paths = globSync(pattern, { cwd: join(GEN, folder) }).sort();
  const modules = await Promise.all(paths.map((path) => import(pathToFileURL(join(GEN, folder, path)).href)));
  return modules.flatMap((module) => Object.values(module));
}

function isDescFile(value: unknown): value is DescFile {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'file';
}

function isCodec(value: unknown): value is Codec {
  return typeof value === 'object' && value !== null && '$type' in value && 'decode' in value;
}

/** The files of our own packages, by walking what protobuf-es generated. */
export const files: readonly DescFile[] = (await exportsOf('es', 'weft/**/*_pb.js')).filter(isDescFile);

const types = files.flatMap((file) => [...nestedTypes(file)]);

/** Every message of our packages, nested ones too. */
export const messages: readonly DescMessage[] = types
  .filter((type) => type.kind === 'message')
  .sort((a, b) => (a.typeName < b.typeName ? -1 : 1));

/** Every service of our packages. */
export const services: readonly DescService[] = types.filter((type) => type.kind === 'service');

const codecs = new Map(
  (await exportsOf('grpc', '**/*.ts')).filter(isCodec).map((codec) => [codec.$type, codec] as const),
);

/** The ts-proto codec of a message by its full name; throws when ts-proto generated none. */
export function codecOf(typeName: string): Codec {
  const codec = codecs.get(typeName);
  if (!codec) throw new Error(`ts-proto generated no codec for ${typeName}`);
  return codec;
}
