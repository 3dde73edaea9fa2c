import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clone, fromBinary, toJson } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { file_buf_validate_validate } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { afterAll, describe, expect, it } from '@jest/globals';
import { printProto } from '../../scripts/print-proto.ts';

const BUF = join(import.meta.dirname, '../../node_modules/@bufbuild/buf/bin/buf');
const folder = mkdtempSync(join(tmpdir(), 'weft-protos-'));

function compile(file: FileDescriptorProto): FileDescriptorProto | undefined {
  mkdirSync(join(folder, dirname(file.name)), { recursive: true });
  writeFileSync(join(folder, file.name), printProto(file));
  const args = [BUF, 'build', '--as-file-descriptor-set', '--output', '-', folder];
  const run = spawnSync(process.execPath, args, { maxBuffer: 2 ** 24 });
  return fromBinary(FileDescriptorSetSchema, run.stdout).file.find(({ name }) => name === file.name);
}

function withoutOptions(file: FileDescriptorProto): FileDescriptorProto {
  const copy = clone(FileDescriptorProtoSchema, file);
  const strip = (element: { options?: unknown }) => {
    delete element.options;
  };
  const stripEnum = (type: EnumDescriptorProto) => [type, ...type.value].forEach(strip);
  const stripFields = (fields: FieldDescriptorProto[]) => fields.forEach(strip);
  const stripMessage = (message: DescriptorProto) => {
    [message, ...message.oneofDecl, ...message.extensionRange].forEach(strip);
    stripFields([...message.field, ...message.extension]);
    message.enumType.forEach(stripEnum);
    message.nestedType.forEach(stripMessage);
  };
  strip(copy);
  delete copy.sourceCodeInfo;
  // A missing syntax and "proto2" are the same.
  copy.syntax ||= 'proto2';
  stripFields(copy.extension);
  copy.enumType.forEach(stripEnum);
  copy.messageType.forEach(stripMessage);
  return copy;
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the printed buf/validate/validate.proto', () => {
  it('compiles to the descriptor that protovalidate ships, but for options', () => {
    const shipped = file_buf_validate_validate.proto;
    const compiled = compile(shipped);
    expect(compiled && toJson(FileDescriptorProtoSchema, withoutOptions(compiled))).toEqual(
      toJson(FileDescriptorProtoSchema, withoutOptions(shipped)),
    );
  });
});
