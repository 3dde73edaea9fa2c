/** A JSON value; objects keep the order in which they were written. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A JSON Schema of 2020-12, which OpenAPI 3.1 uses as it is. */
export type Schema = { readonly [key: string]: Json };

/** Leaves out what is undefined. */
export function given(values: Readonly<Record<string, Json | undefined>>): Schema {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}
