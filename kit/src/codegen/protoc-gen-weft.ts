#!/usr/bin/env node
import { create, createFileRegistry } from '@bufbuild/protobuf';
import {
  type CodeGeneratorRequest,
  CodeGeneratorResponseSchema,
  Edition,
  CodeGeneratorResponse_Feature as Feature,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { runNodeJs } from '@bufbuild/protoplugin';
import { brokerFiles } from './broker.ts';
import { readContracts } from './contracts.ts';
import { meshFiles } from './mesh.ts';
import { openApiFiles } from './openapi/document.ts';
import type { Output } from './output.ts';

/** What is written from the contracts beside the code, one line an output. */
const OUTPUTS: readonly Output[] = [meshFiles, brokerFiles, openApiFiles];

/** A plugin of protoc and buf. Paths that it writes are relative to the repository's root. */
function generate(request: CodeGeneratorRequest) {
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: request.protoFile }));
  const contracts = readContracts(registry, request.parameter);
  return create(CodeGeneratorResponseSchema, {
    supportedFeatures: BigInt(Feature.PROTO3_OPTIONAL | Feature.SUPPORTS_EDITIONS),
    minimumEdition: Edition.EDITION_PROTO2,
    maximumEdition: Edition.EDITION_2023,
    file: OUTPUTS.flatMap((output) => output(contracts)).map(({ path, content }) => ({ name: path, content })),
  });
}

runNodeJs({ name: 'protoc-gen-weft', version: '1', run: generate });
