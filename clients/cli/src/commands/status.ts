import { setTimeout as delay } from 'node:timers/promises';
import { opsUrlsFrom, type ProcessStatus, RUNNING, readStatuses, type ServiceStatus } from '../system/ops.ts';
import { describeError } from '../terminal/errors.ts';
import { print, toJson } from '../terminal/output.ts';
import { bad, bold, dim, good, notable } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';

export interface StatusOptions {
  readonly json?: boolean;
  readonly once?: boolean;
}

/** One row: a service of a process. */
export interface StatusRow extends ServiceStatus {
  readonly version: string;
  readonly uptime: number;
  /** Of the calls since the look before; undefined at the first. */
  readonly callsPerSecond: number | undefined;
  readonly failedShare: number | undefined;
}

const EVERY_MS = 2_000;

/** Services that are missing are rows as well. */
export function statusRows(
  now: readonly ProcessStatus[],
  before: readonly ProcessStatus[],
  seconds: number,
): readonly StatusRow[] {
  const found = now.flatMap(({ url, version, uptime, pid, services }) =>
    services.map((one): StatusRow => {
      const process = before.find((other) => other.url === url && other.pid === pid);
      const earlier = process?.services.find(({ name }) => name === one.name);
      const calls = earlier && (one.calls ?? 0) - (earlier.calls ?? 0);
      const failures = earlier && (one.failures ?? 0) - (earlier.failures ?? 0);
      return {
        ...one,
        version,
        uptime,
        callsPerSecond: calls === undefined ? undefined : calls / seconds,
        failedShare: calls === undefined || failures === undefined ? undefined : calls === 0 ? 0 : failures / calls,
      };
    }),
  );
  const missing = RUNNING.filter((name) => !found.some((row) => row.name === name)).map((name): StatusRow => {
    return { name, ports: {}, version: '', uptime: 0, callsPerSecond: undefined, failedShare: undefined };
  });
  return [...found, ...missing];
}

/** Shows services, versions, health, lag and error rates, again and again until Ctrl-C; exit code 0 when all serve. */
export async function status({ json, once }: StatusOptions): Promise<void> {
  let urls: readonly string[];
  try {
    urls = opsUrlsFrom(process.env);
  } catch (error) {
    process.stderr.write(`weft: ${describeError(error)}\n`);
    process.exitCode = 1;
    return;
  }
  let before: readonly ProcessStatus[] = [];
  let looked = performance.now();
  for (;;) {
    const now = await readStatuses(urls);
    const rows = statusRows(now, before, (performance.now() - looked) / 1000);
    looked = performance.now();
    process.exitCode = rows.every(({ serving }) => serving) ? 0 : 1;
    if (json) await print(toJson(rows));
    else await print(`${!once && process.stdout.isTTY ? '\x1b[H\x1b[J' : ''}${tableOf(rows)}`);
    if (once) return;
    before = now;
    await delay(EVERY_MS);
  }
}

function tableOf(rows: readonly StatusRow[]): string {
  const head = ['service', 'version', 'up', 'health', 'calls/s', 'failed', 'outbox', 'lag', 'dead', 'open'];
  const number = (value: number | undefined, warn = false) =>
    value === undefined ? dim('-') : warn && value > 0 ? bad(String(value)) : String(value);
  const cells = rows.map((row) => [
    bold(row.name),
    row.version || dim('-'),
    row.version ? `${Math.round(row.uptime)} s` : dim('-'),
    healthOf(row),
    row.callsPerSecond === undefined ? dim('-') : row.callsPerSecond.toFixed(1),
    row.failedShare === undefined ? dim('-') : `${(row.failedShare * 100).toFixed(1)} %`,
    number(row.outbox),
    number(row.lag),
    number(row.deadLetters, true),
    number(row.pending),
  ]);
  return table([head.map(dim), ...cells], [4, 5, 6, 7, 8, 9]);
}

function healthOf({ serving, dependencies = {}, version }: StatusRow): string {
  if (version === '') return bad('away');
  if (serving) return good('serving');
  const failed = Object.entries(dependencies).filter(([, state]) => state !== 'ok');
  return notable(failed.length > 0 ? failed.map(([name, state]) => `${name}: ${state}`).join(', ') : 'not serving');
}
