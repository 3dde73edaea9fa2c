import type { DescField, DescMessage } from '@bufbuild/protobuf';
import type { FieldViolation } from '@weft/kit/failure';
import type { Route } from './routes.ts';

/** Rules that name a thing as the client wrote it: it is no field of the contract. */
const AS_SENT: ReadonlySet<string> = new Set(['json.unknown', 'json.duplicate', 'query.unknown', 'header.same']);
/** A step of a path: a field, and where in its list or map. Source: buf/validate/validate.proto, FieldPath. */
const STEP = /([A-Za-z_]\w*)((?:\[[^\]]*\])*)(?:\.|$)/y;

/** Violations with the names that a route's clients know: `lines[0].productId`, `emailAddress` in the first version. */
export function namedFor(route: Route, violations: readonly FieldViolation[]): FieldViolation[] {
  return violations.map((violation) =>
    AS_SENT.has(violation.rule) ? violation : { ...violation, field: named(route, violation.field) },
  );
}

function named({ method, version, body }: Route, path: string): string {
  let message: DescMessage | undefined = method.descriptor.input;
  const names: string[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < path.length) {
    const [, name = '', place = ''] = STEP.exec(path) ?? [];
    const field: DescField | undefined = message?.fields.find((one) => one.name === name || one.jsonName === name);
    // Not a path of this request: a service says it of something else.
    if (!message || !field) return path;
    names.push((version.renames.get(`${message.typeName}.${field.name}`) ?? field.jsonName) + place);
    message = field.fieldKind === 'map' && field.mapKind !== 'message' ? undefined : field.message;
  }
  // What a route takes as its body has no name there.
  if (names.length > 1 && names[0] === body) names.shift();
  return names.join('.');
}
