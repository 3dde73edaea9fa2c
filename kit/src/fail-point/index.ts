let armed = read(process.env.WEFT_FAIL_POINT);

/**
 * A named place, such as failPoint('inventory', 'reserved'), in which a test has the process end as kill -9 does, or the call
 * throw: WEFT_FAIL_POINT=inventory.reserved:exit (or :throw) with NODE_ENV=test. It fails once a process, at the first time
 * that it is reached. Bundles have none.
 */
export function failPoint(...path: readonly string[]): void {
  if (armed === undefined || armed.name !== path.join('.')) return;
  const { name, way } = armed;
  armed = undefined;
  if (way === 'exit') process.kill(process.pid, 'SIGKILL');
  throw new Error(`fail point ${name}`);
}

function read(text: string | undefined): { readonly name: string; readonly way: string } | undefined {
  if (!text || process.env.NODE_ENV !== 'test') return undefined;
  const [, name, way] = /^([a-z.-]+):(exit|throw)$/.exec(text) ?? [];
  if (name === undefined || way === undefined) throw new Error('WEFT_FAIL_POINT must be name:exit or name:throw');
  return { name, way };
}
