import { writeSync } from 'node:fs';

const armed = read(process.env.WEFT_FAIL_POINT);
const faults = new Set(process.env.NODE_ENV === 'test' ? (process.env.WEFT_FAULTS ?? '').split(',') : []);

/**
 * A named place, such as failPoint('inventory', 'reserved'), in which a test has the process end as kill -9 does, or the call
 * throw: WEFT_FAIL_POINT=inventory.reserved:exit (or :throw) with NODE_ENV=test, several separated by commas. Each fails once a
 * process, at the first time that it is reached, or at the third with inventory.reserved:exit:3. A process that ends writes
 * {"failPoint":"inventory.reserved"} to its standard output before. Bundles have none.
 */
export function failPoint(...path: readonly string[]): void {
  if (armed.size === 0) return;
  const name = path.join('.');
  const point = armed.get(name);
  if (point === undefined || --point.times > 0) return;
  armed.delete(name);
  if (point.way === 'exit') {
    writeSync(1, `${JSON.stringify({ failPoint: name })}\n`);
    process.kill(process.pid, 'SIGKILL');
  }
  throw new Error(`fail point ${name}`);
}

/** A mistake that a test has made on purpose, to see that it is found: WEFT_FAULTS=name,name with NODE_ENV=test. Bundles have none. */
export function fault(name: 'inbox-off' | 'publish-before-commit'): boolean {
  return faults.has(name);
}

function read(text: string | undefined): Map<string, { readonly way: string; times: number }> {
  if (!text || process.env.NODE_ENV !== 'test') return new Map();
  return new Map(
    text.split(',').map((one) => {
      const [, name, way, times = '1'] = /^([\w./-]+):(exit|throw)(?::([1-9]\d{0,3}))?$/.exec(one) ?? [];
      if (name === undefined || way === undefined)
        throw new Error(
          'WEFT_FAIL_POINT must be name:exit or name:throw, and may end in :times; several, separated by commas',
        );
      return [name, { way, times: Number(times) }];
    }),
  );
}
