import type { Json, Schema } from './schema.ts';

const BY_FORMAT: Readonly<Record<string, string>> = {
  uuid: '01a1ffb5-2554-7040-ae9b-8a4354e63942',
  email: 'ada@shop.example',
  int64: '1',
  uint64: '1',
};

const REF = '#/components/schemas/';
/** A list and what is in it are one each. */
const MAX_DEPTH = 8;

/** What an example is to show. */
interface Showing {
  readonly schemas: Readonly<Record<string, Json>>;
  shows(name: string, schema: Schema, depth: number): boolean;
  /** Whether a value of an enum may be there. */
  chooses(value: string): boolean;
}

/** A request that keeps a schema: what has to be there and what the contract has an example for. Throws where the contract has none that is needed. */
export function exampleOf(schema: Schema, schemas: Readonly<Record<string, Json>>): Json {
  return example(schema, {
    schemas,
    shows: (_, one, depth) => depth < MAX_DEPTH && isSimple(one),
    chooses: (value) => !isNone(value),
  });
}

/**
 * An answer that keeps a schema, with all that there usually is.
 * @param hidden what of the whole answer is left out
 * @param chooses whether a value of an enum may be there, as far as the enum has one that may
 */
export function answerExample(
  schema: Schema,
  schemas: Readonly<Record<string, Json>>,
  hidden: readonly string[] = [],
  chooses: (value: string) => boolean = () => true,
): Json {
  return example(schema, {
    schemas,
    shows: (name, one, depth) =>
      depth < MAX_DEPTH && !name.startsWith('_') && !isExceptional(one) && !(depth === 0 && hidden.includes(name)),
    chooses: (value) => !isNone(value) && chooses(value),
  });
}

function example(schema: Schema, showing: Showing, path = '', depth = 0): Json {
  if (typeof schema.$ref === 'string')
    return example(showing.schemas[schema.$ref.slice(REF.length)] as Schema, showing, path, depth);
  const [first] = schema.type ? [] : ((schema.allOf ?? schema.anyOf ?? []) as Schema[]);
  if (first) return example(first, showing, path, depth);
  if (Array.isArray(schema.examples)) return schema.examples[0] as Json;
  if (Array.isArray(schema.enum)) return (schema.enum as string[]).find(showing.chooses) ?? otherwise(schema.enum);
  switch (typeOf(schema)) {
    case 'object':
      return objectExample(schema, showing, path, depth);
    case 'array':
      return [example(schema.items as Schema, showing, `${path}[]`, depth + 1)];
    case 'boolean':
      return false;
    case 'integer':
    case 'number':
      return Math.max(1, Number(schema.minimum ?? 1));
    default:
      return textExample(schema, path);
  }
}

/** The first value of an enum says that there is none. */
const isNone = (value: string): boolean => value.endsWith('_UNSPECIFIED');
const otherwise = (values: readonly Json[]): Json => (values[1] ?? values[0]) as Json;

function objectExample(schema: Schema, showing: Showing, path: string, depth: number): Json {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
  const required = (schema.required ?? []) as string[];
  const shown = properties.filter(([name, one]) => required.includes(name) || showing.shows(name, one, depth));
  return Object.fromEntries(
    shown.map(([name, one]) => [name, example(one, showing, path === '' ? name : `${path}.${name}`, depth + 1)]),
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

/** What is there in some cases alone, as its comment says. */
const isExceptional = ({ description }: Schema): boolean =>
  /\babsent\b|\bempty (?:otherwise|while|where|unless|until)\b/.test(String(description));

/** The type that a value is written in first. */
const typeOf = ({ type }: Schema): Json | undefined => (Array.isArray(type) ? type[0] : type);

function textExample({ format, pattern, minLength = 0 }: Schema, path: string): Json {
  const fits = (value: string) =>
    value.length >= Number(minLength) && (typeof pattern !== 'string' || new RegExp(pattern, 'u').test(value));
  const value = [BY_FORMAT[String(format)] ?? 'An example', ''].find(fits);
  if (value === undefined) throw new Error(`${path} needs an example in the contract`);
  return value;
}
