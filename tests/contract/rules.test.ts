import {
  createRegistry,
  type DescField,
  type DescMessage,
  type DescMethod,
  getOption,
  hasOption,
  isFieldSet,
} from '@bufbuild/protobuf';
import { type FieldOptions, FieldOptionsSchema, MethodOptionsSchema } from '@bufbuild/protobuf/wkt';
import { createValidator } from '@bufbuild/protovalidate';
import { field as fieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { describe, expect, it } from '@jest/globals';
import { http } from '@weft/gen/es/google/api/annotations_pb';
import { event as eventPolicy, method as methodPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { files, messages, services } from './contracts.ts';
import { sample } from './sample.ts';

const methods = services.flatMap((service) => service.methods);
const events = messages.filter((message) => hasOption(message, eventPolicy));

// Names that mean a person or a secret wherever they stand.
const PERSONAL =
  /(^|_)(e?mail|(full|given|family|first|last)_name|password|phone|street|postal_code|birth_date|secret)(_|$)|(access|refresh|payment_method)_token$|(^|_)card(_|$)/;

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}.${method.name}`;
}

function isRedacted(field: DescField): boolean {
  const options: FieldOptions | undefined = field.proto.options;
  return options?.debugRedact === true && isFieldSet(options, FieldOptionsSchema.field.debugRedact);
}

/** A message and every message of ours in it. */
function withNested(message: DescMessage, seen: Set<DescMessage> = new Set()): Set<DescMessage> {
  if (seen.has(message) || !messages.includes(message)) return seen;
  seen.add(message);
  for (const field of message.fields) if (field.message) withNested(field.message, seen);
  return seen;
}

/** The field at a path of names such as address.street, or undefined. */
function fieldAt(message: DescMessage, path: string): DescField | undefined {
  const [head, ...rest] = path.split('.');
  const field = message.fields.find((candidate) => candidate.name === head);
  return rest.length === 0 || !field?.message ? field : fieldAt(field.message, rest.join('.'));
}

/** Paths of the redacted fields of a message, in it and in what it holds. */
function redactedPaths(message: DescMessage): string[] {
  return message.fields.flatMap((field) => {
    if (isRedacted(field)) return [field.name];
    return field.message ? redactedPaths(field.message).map((path) => `${field.name}.${path}`) : [];
  });
}

function namesWhere<T>(items: Iterable<T>, isWrong: (item: T) => boolean, name: (item: T) => string): string[] {
  return [...items].filter(isWrong).map(name);
}

describe('every method', () => {
  it('states whether it may be repeated', () => {
    const isSilent = ({ proto: { options } }: DescMethod) =>
      !options || !isFieldSet(options, MethodOptionsSchema.field.idempotencyLevel);
    expect(namesWhere(methods, isSilent, nameOf)).toEqual([]);
  });

  it('names who may call it', () => {
    const isClosed = (method: DescMethod) => {
      const { callers, roles } = getOption(method, methodPolicy);
      return callers.length + roles.length === 0;
    };
    expect(namesWhere(methods, isClosed, nameOf)).toEqual([]);
  });

  it('admits callers that are services of ours', () => {
    const known = new Set(services.map((service) => service.typeName.split('.')[1]));
    const hasStranger = (method: DescMethod) =>
      getOption(method, methodPolicy).callers.some((caller) => !known.has(caller));
    expect(namesWhere(methods, hasStranger, nameOf)).toEqual([]);
  });

  it('has a timeout when it is unary, and an idle limit and a maximum age when it streams', () => {
    const isUnbounded = (method: DescMethod) => {
      const { timeout, stream } = getOption(method, methodPolicy);
      return method.methodKind === 'unary'
        ? stream !== undefined || !timeout || timeout.seconds * 1_000_000_000n + BigInt(timeout.nanos) <= 0n
        : timeout !== undefined || !stream?.idleTimeout || !stream.maxAge;
    };
    expect(namesWhere(methods, isUnbounded, nameOf)).toEqual([]);
  });

  it('reads over GET only when it has no side effects, and takes its path from its request', () => {
    const wrong = methods.filter((method) => {
      if (!hasOption(method, http)) return false;
      const rule = getOption(method, http);
      return [rule, ...rule.additionalBindings].some(({ pattern }) => {
        const path = typeof pattern.value === 'string' ? pattern.value : (pattern.value?.path ?? '');
        const variables = [...path.matchAll(/\{([^}=]+)/g)].map((match) => match[1] ?? '');
        const isRead = method.proto.options?.idempotencyLevel === 1;
        return (pattern.case === 'get') !== isRead || variables.some((variable) => !fieldAt(method.input, variable));
      });
    });
    expect(wrong.map(nameOf)).toEqual([]);
  });
});

describe('every request', () => {
  const inputs = new Set(methods.flatMap((method) => [...withNested(method.input)]));
  const fields = [...inputs].flatMap((message) => message.fields);

  it('has a rule for each string, number, bytes, list and map', () => {
    const isFree = (field: DescField) => {
      const needsRule =
        field.fieldKind === 'list' ||
        field.fieldKind === 'map' ||
        (field.fieldKind === 'scalar' && field.proto.type !== 8);
      return needsRule && !hasOption(field, fieldRules);
    };
    expect(namesWhere(fields, isFree, String)).toEqual([]);
  });

  it('bounds its lists and its strings', () => {
    const isUnbounded = (field: DescField) => {
      const { type } = getOption(field, fieldRules);
      if (field.fieldKind === 'list') return type.case !== 'repeated' || type.value.maxItems === 0n;
      if (field.fieldKind === 'map') return type.case !== 'map' || type.value.maxPairs === 0n;
      if (type.case !== 'string') return false;
      const { maxLen, len, maxBytes, pattern, wellKnown } = type.value;
      return maxLen + len + maxBytes === 0n && pattern === '' && wellKnown.case !== 'uuid';
    };
    expect(namesWhere(fields, isUnbounded, String)).toEqual([]);
  });

  it('has rules that compile', () => {
    const validator = createValidator({ registry: createRegistry(...files) });
    const broken = [...inputs].flatMap((message) => {
      const result = validator.validate(message, sample(message));
      return result.kind === 'error' ? [`${message.typeName}: ${result.error.message}`] : [];
    });
    expect(broken).toEqual([]);
  });
});

describe('every message', () => {
  it('declares its fields in the order of their numbers, which is the order ts-proto writes them in', () => {
    const isUnordered = (message: DescMessage) =>
      message.fields.some((field, index) => field.number <= (message.fields[index - 1]?.number ?? 0));
    expect(namesWhere(messages, isUnordered, String)).toEqual([]);
  });

  it('redacts what names a person or a secret', () => {
    const fields = messages.flatMap((message) => message.fields);
    expect(namesWhere(fields, (field) => PERSONAL.test(field.name) && !isRedacted(field), String)).toEqual([]);
  });
});

describe('every event', () => {
  it('has its service for owner, a subject of its own made from its name, and a retention', () => {
    const wrong = events.filter((message) => {
      const { subject, owner, retention } = getOption(message, eventPolicy);
      const [, service = '', version = ''] = message.file.proto.package.split('.');
      const snake = message.name.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
      return owner !== service || subject !== `weft.${service}.${version}.${snake}` || !retention?.seconds;
    });
    expect(events).not.toEqual([]);
    expect(wrong.map(String)).toEqual([]);
  });

  it('carries the id and the version of its aggregate, and when it happened', () => {
    const isIncomplete = (message: DescMessage) => {
      const key = fieldAt(message, getOption(message, eventPolicy).key);
      return (
        key?.proto.type !== 9 ||
        fieldAt(message, 'version')?.proto.type !== 3 ||
        fieldAt(message, 'occur_time')?.message?.typeName !== 'google.protobuf.Timestamp'
      );
    };
    expect(namesWhere(events, isIncomplete, String)).toEqual([]);
  });

  it('lists exactly the personal data that it redacts', () => {
    for (const message of events) {
      expect([message.typeName, ...getOption(message, eventPolicy).personalData.toSorted()]).toEqual([
        message.typeName,
        ...redactedPaths(message).toSorted(),
      ]);
    }
  });
});
