/** JSON of values that hold bigints (numbers where they are exact) and maps (objects). */
export function toJson(value: unknown): string {
  const replace = (_: string, one: unknown): unknown => {
    if (typeof one === 'bigint') return Number.isSafeInteger(Number(one)) ? Number(one) : one.toString();
    return one instanceof Map ? Object.fromEntries(one) : one;
  };
  return JSON.stringify(value, replace, 2);
}

/** Writes to standard output, and waits until it is taken: a pipe may be slower than we are. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error) => (error ? reject(error) : resolve()));
  });
}
