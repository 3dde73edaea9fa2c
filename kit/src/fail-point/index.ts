let armed = read(process.env.WEFT_FAIL_POINT);
const faults = new Set(process.env.NODE_ENV === 'test' ? (process.env.WEFT_FAULTS ?? '').split(',') : []);

/**
 * A named place, such as failPoint('inventory', 'reserved'), in which a test has the process end as kill -9 does, or the call
 * throw: WEFT_FAIL_POINT=inventory.reserved:exit (or :throw) with NODE_ENV=test. It fails once a process, at the first time
 * that it is reached, or at the third with inventory.reserved:exit:3. Bundles have none.
 */
export function failPoint(...path: readonly string[]): void {
  if (armed === undefined || armed.name !== path.join('.') || --armed.times > 0) return;
  const { name, way } = armed;
  armed = undefined;
  if (way === 'exit') process.kill(process.pid, 'SIGKILL');
  throw new Error(`fail point ${name}`);
}

/** A mistake that a test has made on purpose, to see that it is found: WEFT_FAULTS=name,name with NODE_ENV=test. Bundles have none. */
export function fault(name: 'inbox-off' | 'publish-before-commit'): boolean {
  return faults.has(name);
}

function read(text: string | undefined): { readonly name: string; readonly way: string; times: number } | undefined {
  if (!text || process.env.NODE_ENV !== 'test') return undefined;
  const [, name, way, times = '1'] = /^([\w./-]+):(exit|throw)(?::([1-9]\d{0,3}))?$/.exec(text) ?? [];
  if (name === undefined || way === undefined)
    throw new Error('WEFT_FAIL_POINT must be name:exit or name:throw, and may end in :times');
  return { name, way, times: Number(times) };
}
