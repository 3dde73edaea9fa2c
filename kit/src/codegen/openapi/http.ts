import { type DescField, type DescMessage, type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { http } from '@weft/gen/es/google/api/annotations_pb';
import type { HttpRule } from '@weft/gen/es/google/api/http_pb';

// The contract's paths begin with their package's version.
const OWN_VERSION = /^\/v\d+(?=\/)/;

/** One way in which a method is reached over HTTP. */
export interface Binding {
  /** In lower case, as OpenAPI has it. */
  readonly verb: string;
  /** As OpenAPI has it: `/api/v2/orders/{orderId}:cancel`. */
  readonly path: string;
  readonly pathFields: readonly DescField[];
  /** `*`, the name of a field, or nothing. */
  readonly body: string;
  readonly responseBody: string;
  /** A method other than the standard ones: what follows the colon. */
  readonly custom: string;
}

/** The bindings of a method under `mount`, its own first. None where the contract gives it no path. */
export function bindingsOf(method: DescMethod, mount: string): Binding[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  return [rule, ...rule.additionalBindings].map((one) => bindingOf(method, one, mount));
}

function bindingOf(method: DescMethod, rule: HttpRule, mount: string): Binding {
  const { case: kind, value } = rule.pattern;
  if (kind === undefined) throw new Error(`${method.name} has a binding without a path`);
  const verb = kind === 'custom' ? value.kind.toLowerCase() : kind;
  const template = kind === 'custom' ? value.path : value;
  const pathFields: DescField[] = [];
  const path = template.replace(OWN_VERSION, mount).replaceAll(/\{([^}=]+)(?:=[^}]*)?\}/g, (_, name: string) => {
    const field = fieldAt(method.input, name);
    pathFields.push(field);
    return `{${field.jsonName}}`;
  });
  const custom = /:([A-Za-z]+)$/.exec(path)?.[1] ?? '';
  return { verb, path, pathFields, body: rule.body, responseBody: rule.responseBody, custom };
}

function fieldAt(message: DescMessage, name: string): DescField {
  const field = message.fields.find((one) => one.name === name);
  if (!field) throw new Error(`${message.typeName} has no field ${name}`);
  return field;
}
