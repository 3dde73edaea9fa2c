import type { AnyDesc, DescFile, DescService } from '@bufbuild/protobuf';
import { toBinary } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { type Server, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { file_google_rpc_error_details } from '@weft/gen/es/google/rpc/error_details_pb';
import { Health } from '@weft/gen/es/grpc/health/v1/health_pb';

// Numbers of the fields that are read and written. Source: grpc/reflection/v1/reflection.proto; v1alpha has the same.
const ASK = { file: 3, symbol: 4, extension: 5, extensionNumbers: 6, list: 7 };
const ANSWER = { request: 2, files: 4, extensionNumbers: 5, services: 6, error: 7 };

interface Question {
  readonly encoded: Uint8Array;
  readonly kind: number;
  readonly text: string;
  /** Of an extension. */
  readonly number: number;
}

/**
 * Server reflection (v1 and v1alpha) from the descriptors that the services are served from, with every option in them.
 * A file comes with all that it imports. Health is listed as well.
 */
export function addReflection(server: Server, services: readonly DescService[]): void {
  const answer = reflection(services);
  for (const version of ['v1', 'v1alpha']) {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const codec = {
      requestDeserialize: (bytes: Buffer) => bytes,
      requestSerialize: (bytes: Buffer) => bytes,
      responseSerialize: (bytes: Buffer) => bytes,
      responseDeserialize: (bytes: Buffer) => bytes,
    };
    server.addService(
      { serverReflectionInfo: { path, requestStream: true, responseStream: true, ...codec } },
      {
        serverReflectionInfo(call: ServerDuplexStream<Buffer, Buffer>) {
          call.on('data', (request: Buffer) => call.write(Buffer.from(answer(request))));
          call.on('end', () => call.end());
        },
      },
    );
  }
}

/** Answers encoded questions of server reflection, for a server of any kind. Never throws. */
export function reflection(services: readonly DescService[]): (question: Uint8Array) => Uint8Array {
  let answer: ReturnType<typeof answers> | undefined;
  return (question) => {
    // Of tools alone, so that no start waits for it.
    answer ??= answers([...services, Health]);
    return answer(questionOf(question));
  };
}

function answers(services: readonly DescService[]): (question: Question) => Uint8Array {
  const files = new Map<string, DescFile>();
  const collect = (file: DescFile) => {
    if (files.has(fileName(file))) return;
    files.set(fileName(file), file);
    file.dependencies.forEach(collect);
  };
  for (const service of services) collect(service.file);
  // By these, tools can read the details of an error.
  collect(file_google_rpc_error_details);
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  for (const file of files.values()) {
    for (const desc of nestedTypes(file)) {
      for (const name of namesOf(desc)) symbols.set(name, file);
      if (desc.kind !== 'extension') continue;
      const known = extensions.get(desc.extendee.typeName) ?? new Map<number, DescFile>();
      extensions.set(desc.extendee.typeName, known.set(desc.number, file));
    }
  }
  return (question) => {
    const { kind, text } = question;
    switch (kind) {
      case ASK.list: {
        const named = services.map(({ typeName }) => new BinaryWriter().uint32(tag(1)).string(typeName).finish());
        return respond(question, ANSWER.services, list(named));
      }
      case ASK.extensionNumbers: {
        const known = extensions.get(text);
        if (!known) return refuse(question);
        const numbers = new BinaryWriter().uint32(tag(1)).string(text);
        for (const number of known.keys()) numbers.uint32((2 << 3) | WireType.Varint).int32(number);
        return respond(question, ANSWER.extensionNumbers, numbers.finish());
      }
      default: {
        const file =
          kind === ASK.file
            ? files.get(text)
            : kind === ASK.symbol
              ? symbols.get(text)
              : extensions.get(text)?.get(question.number);
        return file ? respond(question, ANSWER.files, list(withImports(file))) : refuse(question);
      }
    }
  };
}

// Of what protobuf-es calls them, without a leading dot; methods, fields and values belong to their parent's file.
function namesOf(desc: AnyDesc): string[] {
  switch (desc.kind) {
    case 'message':
      return [desc.typeName, ...desc.fields.map((field) => `${desc.typeName}.${field.name}`)];
    case 'enum':
      return [desc.typeName];
    case 'service':
      return [desc.typeName, ...desc.methods.map((method) => `${desc.typeName}.${method.name}`)];
    case 'extension':
      return [desc.typeName];
    default:
      return [];
  }
}

const fileName = (file: DescFile) => file.proto.name;

function withImports(file: DescFile): Uint8Array[] {
  const found = new Set<DescFile>();
  const collect = (one: DescFile) => {
    if (found.has(one)) return;
    found.add(one);
    one.dependencies.forEach(collect);
  };
  collect(file);
  return [...found].map((one) => toBinary(FileDescriptorProtoSchema, one.proto));
}

const tag = (field: number) => (field << 3) | WireType.LengthDelimited;

function list(items: readonly Uint8Array[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const item of items) writer.uint32(tag(1)).bytes(item);
  return writer.finish();
}

function respond({ encoded }: Question, field: number, value: Uint8Array): Uint8Array {
  return new BinaryWriter().uint32(tag(ANSWER.request)).bytes(encoded).uint32(tag(field)).bytes(value).finish();
}

function refuse(question: Question): Uint8Array {
  const code = question.kind === 0 ? status.INVALID_ARGUMENT : status.NOT_FOUND;
  const message = question.kind === 0 ? 'not a question of server reflection' : 'there is no such thing here';
  const error = new BinaryWriter().uint32((1 << 3) | WireType.Varint).int32(code);
  return respond(question, ANSWER.error, error.uint32(tag(2)).string(message).finish());
}

/** Never throws: what cannot be read is a question of no kind. */
function questionOf(encoded: Uint8Array): Question {
  try {
    let question: Question = { encoded, kind: 0, text: '', number: 0 };
    each(encoded, (field, reader) => {
      if (field < ASK.file || field > ASK.list) return false;
      if (field !== ASK.extension) {
        question = { ...question, kind: field, text: reader.string() };
        return true;
      }
      let text = '';
      let number = 0;
      each(reader.bytes(), (inner, part) => {
        if (inner === 1) text = part.string();
        else if (inner === 2) number = part.int32();
        return inner === 1 || inner === 2;
      });
      question = { ...question, kind: field, text, number };
      return true;
    });
    return question;
  } catch {
    return { encoded, kind: 0, text: '', number: 0 };
  }
}

function each(encoded: Uint8Array, read: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(encoded);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (!read(field, reader)) reader.skip(type, field);
  }
}
