/** Calls that a server has answered since it started, by gRPC code, and how long they took. */
export interface Calls {
  readonly byCode: ReadonlyMap<string, number>;
  /** Calls that took as long as this or less, by seconds, ascending; the last bound is Infinity. */
  readonly buckets: ReadonlyMap<number, number>;
}

const SAMPLE = /^rpc_server_call_duration(?:_seconds)?_(count|bucket)\{(.*)\} (\d+(?:\.\d+)?(?:e\+?\d+)?)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Codes for which the server is to blame, and not who called it. */
const FAULTS: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

export const NO_CALLS: Calls = { byCode: new Map(), buckets: new Map() };

/** Reads the kit's own metrics of the calls that it has served, all methods together. */
export function parseCalls(exposition: string): Calls {
  const byCode = new Map<string, number>();
  const buckets = new Map<number, number>();
  for (const line of exposition.split('\n')) {
    const [, kind, labelled = '', value = ''] = SAMPLE.exec(line) ?? [];
    if (kind === undefined) continue;
    const labels = new Map([...labelled.matchAll(LABEL)].map(([, name = '', text = '']) => [name, text]));
    if (kind === 'count') add(byCode, labels.get('rpc_response_status_code') ?? 'UNKNOWN', Number(value));
    else add(buckets, secondsOf(labels.get('le') ?? '+Inf'), Number(value));
  }
  return { byCode, buckets: ascending(buckets) };
}

const secondsOf = (bound: string): number => (bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound));
const ascending = (buckets: ReadonlyMap<number, number>) => new Map([...buckets].sort(([a], [b]) => a - b));

function add<K>(sums: Map<K, number>, key: K, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value);
}

/** What came between two looks at one process; all of it when it has started anew meanwhile. */
export function since(before: Calls, after: Calls): Calls {
  if (total(after) < total(before)) return after;
  const less = <K>(now: ReadonlyMap<K, number>, then: ReadonlyMap<K, number>) =>
    new Map([...now].map(([key, value]) => [key, Math.max(0, value - (then.get(key) ?? 0))]));
  return { byCode: less(after.byCode, before.byCode), buckets: less(after.buckets, before.buckets) };
}

/** Of several processes together. */
export function together(all: readonly Calls[]): Calls {
  const byCode = new Map<string, number>();
  const buckets = new Map<number, number>();
  for (const calls of all) {
    for (const [code, count] of calls.byCode) add(byCode, code, count);
    for (const [bound, count] of calls.buckets) add(buckets, bound, count);
  }
  return { byCode, buckets: ascending(buckets) };
}

export const total = ({ byCode }: Calls): number => [...byCode.values()].reduce((sum, count) => sum + count, 0);

export const faults = ({ byCode }: Calls): number =>
  [...byCode].reduce((sum, [code, count]) => (FAULTS.has(code) ? sum + count : sum), 0);

/** Seconds within which that share of the calls ended, evenly spread within a bucket; undefined without calls. */
export function quantile({ buckets }: Calls, share: number): number | undefined {
  const count = buckets.get(Number.POSITIVE_INFINITY) ?? 0;
  if (count === 0) return undefined;
  const wanted = share * count;
  let [from, below] = [0, 0];
  for (const [bound, until] of buckets) {
    if (until >= wanted) {
      if (bound === Number.POSITIVE_INFINITY) return from;
      return from + ((bound - from) * (wanted - below)) / Math.max(1, until - below);
    }
    [from, below] = [bound, until];
  }
  return from;
}
