/** How values of a generated enum are called, without the prefix that all of them have. */
export function enumNames(
  values: Readonly<Record<string, number | string>>,
  prefix: string,
): (value: number) => string {
  const names = new Map(Object.entries(values).map(([name, value]) => [value, name.replace(prefix, '')]));
  return (value) => names.get(value) ?? 'UNRECOGNIZED';
}
