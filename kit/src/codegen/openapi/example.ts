import type { Json, Schema } from './schema.ts';

const BY_FORMAT: Readonly<Record<string, string>> = {
  uuid: '01a1ffb5-2554-7040-ae9b-8a4354e63942',
  email: 'ada@shop.example',
  int64: '1',
  uint64: '1',
};

const REF = '#/components/schemas/';
const MAX_DEPTH = 6;

/** A value that keeps a schema: what has to be there and what the contract has an example for. Throws where the contract has none that is needed. */
export function exampleOf(schema: Schema, schemas: Readonly<Record<string, Json>>, path = '', depth = 0): Json {
  if (typeof schema.$ref === 'string')
    return exampleOf(schemas[schema.$ref.slice(REF.length)] as Schema, schemas, path, depth);
  const [first] = schema.type ? [] : ((schema.allOf ?? schema.anyOf ?? []) as Schema[]);
  if (first) return exampleOf(first, schemas, path, depth);
  if (Array.isArray(schema.examples)) return schema.examples[0] as Json;
  if (Array.isArray(schema.enum)) return (schema.enum[1] ?? schema.enum[0]) as Json;
  switch (typeOf(schema)) {
    case 'object':
      return objectExample(schema, schemas, path, depth);
    case 'array':
      return [exampleOf(schema.items as Schema, schemas, `${path}[]`, depth + 1)];
    case 'boolean':
      return false;
    case 'integer':
    case 'number':
      return Math.max(1, Number(schema.minimum ?? 1));
    default:
      return textExample(schema, path);
  }
}

function objectExample(schema: Schema, schemas: Readonly<Record<string, Json>>, path: string, depth: number): Json {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
  const required = (schema.required ?? []) as string[];
  const shown = properties.filter(([name, one]) => required.includes(name) || (depth < MAX_DEPTH && isSimple(one)));
  return Object.fromEntries(
    shown.map(([name, one]) => [name, exampleOf(one, schemas, path === '' ? name : `${path}.${name}`, depth + 1)]),
  );
}

/** What is left out of an example leads nowhere: amounts and times say something, optional ids and choices do not. */
function isSimple(schema: Schema): boolean {
  const { format, examples } = schema;
  const type = typeOf(schema);
  return (
    examples !== undefined || format === 'int64' || format === 'email' || (type === 'string' && 'minLength' in schema)
  );
}

/** The type that a value is written in first. */
const typeOf = ({ type }: Schema): Json | undefined => (Array.isArray(type) ? type[0] : type);

function textExample({ format, pattern, minLength = 0 }: Schema, path: string): Json {
  const fits = (value: string) =>
    value.length >= Number(minLength) && (typeof pattern !== 'string' || new RegExp(pattern, 'u').test(value));
  const value = [BY_FORMAT[String(format)] ?? 'An example', ''].find(fits);
  if (value === undefined) throw new Error(`${path} needs an example in the contract`);
  return value;
}
