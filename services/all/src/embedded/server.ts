import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { EmbeddedPostgresError, oneLine } from './errors.ts';
import type { Home } from './home.ts';
import { logSize, readLog, trimLog } from './log-file.ts';
import { answersSignals, eventually, runCommand, serverEnvironment, tellingLine } from './processes.ts';
import { endProcess } from './stop.ts';

const START_LIMIT_MS = 60_000;

/** Thrown when somebody else listens on the port. */
export class PortInUse extends EmbeddedPostgresError {}

/** The server went away too fast for the memory it shares with its last children to be free. */
export class StillClosing extends EmbeddedPostgresError {}

export type Settings = Readonly<Record<string, string | number | boolean>>;

export const DEFAULT_SETTINGS: Settings = {
  listen_addresses: '127.0.0.1',
  // In the data directory, which is where the server runs.
  unix_socket_directories: process.platform === 'win32' ? '' : '.',
  max_connections: 200,
  // One machine, a few services: no parallel plans, no workers for I/O, no replication.
  shared_buffers: '64MB',
  huge_pages: false,
  jit: false,
  io_method: 'sync',
  max_parallel_workers_per_gather: 0,
  max_worker_processes: 2,
  max_logical_replication_workers: 0,
  autovacuum_worker_slots: 2,
  autovacuum_max_workers: 2,
  fsync: true,
  wal_level: 'minimal',
  max_wal_senders: 0,
  max_wal_size: '512MB',
  checkpoint_timeout: '15min',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Errors go to the client; in a file their values would be personal data.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: false,
};

export interface Server {
  readonly pid: number;
  readonly gone: () => boolean;
  /** Resolves with the reason when the server has ended. */
  readonly ended: Promise<string>;
}

function settingArguments(settings: Settings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

async function pidWhenReady(home: Home): Promise<number | undefined> {
  const lines = (await readFile(join(home.data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return lines[7]?.trim() === 'ready' ? Number(lines[0]) : undefined;
}

/** pg_ctl, since PostgreSQL itself refuses to run as an administrator and pg_ctl knows how to give the rights up. */
async function launchOnWindows(home: Home, binaries: Binaries, args: readonly string[], log: string): Promise<Server> {
  const options = args.map((arg) => (arg === '-c' ? arg : `"${arg}"`)).join(' ');
  await runCommand(binaries.pgCtl, ['start', '-w', '-t', '60', '-D', home.data, '-l', log, '-o', options], {
    cwd: home.path,
    limitMs: START_LIMIT_MS + 5_000,
    output: 'drop',
  });
  const pid = await pidWhenReady(home);
  return { pid: pid ?? 0, gone: () => pid === undefined || !answersSignals(pid), ended: new Promise(() => undefined) };
}

const SOCKET = '.s.PGSQL.';
/** Of a socket's path on the systems that we know, less one. */
const LONGEST_SOCKET_PATH = 103;

/** The folder in which clients find the server's socket; undefined where they need the port. */
export function socketFolder(data: string): string | undefined {
  if (process.platform === 'win32') return undefined;
  return Buffer.byteLength(join(data, `${SOCKET}65535`)) <= LONGEST_SOCKET_PATH ? data : undefined;
}

/** A server that was killed leaves its socket, and the next one has another port. */
async function removeOldSockets(home: Home): Promise<void> {
  const old = (await readdir(home.data)).filter((entry) => entry.startsWith(SOCKET));
  await Promise.all(old.map((entry) => rm(join(home.data, entry), { force: true })));
}

/** A session of its own, so that Ctrl-C in the terminal reaches us and not the server. */
function launch(home: Home, binaries: Binaries, args: readonly string[], log: string): Server {
  const output = openSync(log, 'a', 0o600);
  let over = false;
  const child = spawn(binaries.postgres, ['-D', home.data, ...args], {
    cwd: home.path,
    env: serverEnvironment(),
    stdio: ['ignore', output, output],
    detached: true,
    ...home.account,
  });
  closeSync(output);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(oneLine(error)));
    child.once('exit', (code, signal) => resolve(signal ? `ended by ${signal}` : `exit code ${code}`));
  });
  void ended.then(() => {
    over = true;
  });
  child.unref();
  return { pid: child.pid ?? 0, gone: () => over, ended };
}

async function explain(home: Home, log: string, offset: number, port: number, reason: string): Promise<Error> {
  const written = await readLog(log, offset);
  if (/could not bind.*Address already in use/i.test(written)) {
    return new PortInUse(`port ${port} on 127.0.0.1 is in use: choose another one`);
  }
  const line = written.trim() === '' ? reason : tellingLine(written);
  if (/shared memory block.*still in use/.test(written)) return new StillClosing(line);
  return new EmbeddedPostgresError(
    `PostgreSQL could not start on the data folder ${home.folder}: ${line} (its log is ${log})`,
  );
}

/** Starts the server and waits until it takes connections. `onLaunch` gets its process id at once. */
export async function launchServer(
  home: Home,
  binaries: Binaries,
  options: { port: number; settings: Settings; log: string; onLaunch: (pid: number) => void },
): Promise<Server> {
  await trimLog(options.log);
  await removeOldSockets(home);
  const offset = await logSize(options.log);
  const args = settingArguments({ ...DEFAULT_SETTINGS, ...options.settings, port: options.port });
  const windows = process.platform === 'win32';
  const server = windows
    ? await launchOnWindows(home, binaries, args, options.log)
    : launch(home, binaries, args, options.log);
  if (server.pid > 0) options.onLaunch(server.pid);
  const settled = await eventually(
    async () => server.gone() || (await pidWhenReady(home)) === server.pid,
    START_LIMIT_MS,
  );
  if (settled && !server.gone()) return server;
  if (!server.gone()) await endProcess(server.pid, server.gone, binaries, home);
  const reason = settled && !windows ? await server.ended : `it was not ready after ${START_LIMIT_MS / 1000} s`;
  throw await explain(home, options.log, offset, options.port, reason);
}
