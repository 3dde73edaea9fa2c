import { setTimeout as delay } from 'node:timers/promises';
import { type ProcessStatus, RUNNING, readStatuses, type ServiceStatus } from '../system/ops.ts';
import { type WhereOptions, withOpsUrls } from '../system/ops-urls.ts';
import { describeError } from '../terminal/errors.ts';
import { print, toJson } from '../terminal/output.ts';
import { bad, bold, dim, good, notable } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';

export interface StatusOptions extends WhereOptions {
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
/** Rates need two looks. */
const BETWEEN_MS = 1_000;

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
export async function status(options: StatusOptions): Promise<void> {
  try {
    await withOpsUrls(options, (urls) => look(urls, options));
  } catch (error) {
    process.stderr.write(`weft: ${describeError(error)}\n`);
    process.exitCode = 1;
  }
}

async function look(urls: readonly string[], { json, once }: StatusOptions): Promise<void> {
  let before = await readStatuses(urls);
  for (;;) {
    const looked = performance.now();
    await delay(once ? BETWEEN_MS : EVERY_MS);
    const now = await readStatuses(urls);
    const rows = statusRows(now, before, (performance.now() - looked) / 1000);
    process.exitCode = rows.every(({ serving }) => serving) ? 0 : 1;
    if (json) await print(toJson(rows));
    else await print(`${!once && process.stdout.isTTY ? '\x1b[H\x1b[J' : ''}${tableOf(rows)}`);
    if (once) return;
    before = now;
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
  const failed = Object.entries(dependencies).filter(([, state]) => state !== 'ok');
  const told = failed.map(([name, state]) => `${name}: ${state}`).join(', ');
  // What it goes on without is said beside it.
  if (serving) return told === '' ? good('serving') : `${good('serving')} ${notable(told)}`;
  return notable(told === '' ? 'not serving' : told);
}
