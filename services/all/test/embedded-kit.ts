import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EmbeddedPostgresOptions, startEmbeddedPostgres } from '@weft/all/embedded';
import pg from 'pg';

export const onPosix = process.platform !== 'win32';
export const onLinux = process.platform === 'linux';
export const asRoot = process.getuid?.() === 0;

const CHILD = join(import.meta.dirname, 'embedded-child.ts');
const undo: (() => unknown)[] = [];

/** Ends and removes what a test has begun, the last first. */
export async function cleanUp(): Promise<void> {
  for (let next = undo.pop(); next; next = undo.pop()) await next();
}

export function later(work: () => unknown): void {
  undo.push(work);
}

/** A path that is not there yet; with what it links to it is removed after the test. */
export function newFolder(base = process.env.WEFT_TEST_FOLDER ?? tmpdir()): string {
  const folder = join(base, `weft-embedded-${randomBytes(6).toString('hex')}`);
  later(async () => {
    const home = await realpath(join(folder, 'postgres')).catch(() => folder);
    for (const path of [home, folder]) await rm(path, { recursive: true, force: true });
  });
  return folder;
}

let template: Promise<string> | undefined;

async function makeTemplate(): Promise<string> {
  const folder = newFolder();
  undo.pop();
  const settings = { fsync: false };
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
  await (await startEmbeddedPostgres({ dataFolder: folder, logger: quiet, settings })).stop();
  return folder;
}

/** A data folder that has been used before: a copy, which is quicker than a first start. */
export async function usedFolder(): Promise<string> {
  template ??= makeTemplate();
  const folder = newFolder();
  await cp(await template, folder, { recursive: true });
  return folder;
}

export async function removeTemplate(): Promise<void> {
  const made = await template;
  if (made) await rm(made, { recursive: true, force: true });
}

export async function until(condition: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not true after ${limitMs} ms: ${condition}`);
    await sleep(20);
  }
}

/** Not durable, to be quick; `warnings` gets the messages that were logged. */
export async function start(
  dataFolder: string,
  options: Partial<EmbeddedPostgresOptions> = {},
  warnings: string[] = [],
) {
  const note = (_fields: object, message: string): void => void warnings.push(message);
  const postgres = await startEmbeddedPostgres({
    dataFolder,
    logger: { info: () => undefined, warn: note, error: note },
    ...options,
    settings: { fsync: false, ...options.settings },
  });
  later(() => postgres.stop());
  return postgres;
}

export async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Of a promise that must fail: its error. */
export async function failure(work: Promise<unknown>): Promise<Error> {
  const result = await work.then(
    () => new Error('it did not fail'),
    (error: Error) => error,
  );
  return result;
}

export function isRunning(pid: number): boolean {
  const state = spawnSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim();
  return state !== '' && !state.startsWith('Z');
}

export function serverPid(folder: string): number {
  const file = join(folder, 'postgres', 'data', 'postmaster.pid');
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : 0;
}

export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  /** The next line it says. */
  said(): Promise<Record<string, unknown>>;
  watchdog(): number | undefined;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** In a process group of its own, as a shell would start it. */
export function startChild(
  folder: string,
  options: { script?: string; args?: string[]; env?: NodeJS.ProcessEnv } = {},
): Child {
  const child = spawn(process.execPath, [options.script ?? CHILD, folder, ...(options.args ?? [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
    env: { ...process.env, ...options.env },
  });
  const pid = child.pid ?? 0;
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await ended;
  };
  later(() => kill('SIGKILL'));
  return {
    process: child,
    pid,
    kill,
    said: async () => {
      const line = await lines.next();
      if (line.done) throw new Error('the child ended without a word');
      return JSON.parse(line.value);
    },
    watchdog: () => {
      const listed = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).stdout.split('\n');
      const fields = listed.map((line) => line.trim().split(/\s+/));
      const found = fields.find((field) => field[1] === String(pid) && field.includes('weft-watchdog'));
      return found ? Number(found[0]) : undefined;
    },
  };
}
