import { type Compilable, CompiledQuery, type Kysely } from 'kysely';

/** Stands for a value while a statement is built. */
class Parameter {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A statement that is built once, at its first use, and then only given its values: for those that run with every call. It
 * has the same columns and conditions whatever the values are.
 * @param build gets an object of placeholders, and uses each as a value and nothing else
 */
export function prepared<Schema, Values extends object, Row = unknown>(
  build: (db: Kysely<Schema>, values: Values) => Compilable<Row>,
): (db: Kysely<Schema>, values: Values) => CompiledQuery<Row> {
  let text = '';
  let parameters: readonly unknown[] = [];
  return (db, values) => {
    if (text === '') {
      const names = Object.keys(values);
      const placeholders = Object.fromEntries(names.map((name) => [name, new Parameter(name)])) as Values;
      const compiled = build(db, placeholders).compile();
      text = compiled.sql;
      parameters = compiled.parameters;
    }
    const bound = parameters.map((one) => (one instanceof Parameter ? values[one.name as keyof Values] : one));
    return CompiledQuery.raw(text, bound) as CompiledQuery<Row>;
  };
}
