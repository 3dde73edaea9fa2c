import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, oneLine } from './errors.ts';

/** The account that PostgreSQL runs as; absent when it is our own. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

interface ProcStat {
  readonly state: string;
  readonly startTime: string;
}

async function procStat(pid: number): Promise<ProcStat | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command name in parentheses may hold spaces and parentheses itself.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

/** When the process started, in a form to compare only; undefined where the system does not tell. */
export async function processStartTime(pid: number): Promise<string | undefined> {
  return (await procStat(pid))?.startTime;
}

export function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/** False for a zombie too: in a container nobody may ever collect an orphan. */
export async function isAlive(pid: number): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0 || !answersSignals(pid)) return false;
  const state = (await procStat(pid))?.state;
  return state !== 'Z' && state !== 'X';
}

/** Asks again every `everyMs` until the answer is yes; false when `limitMs` have passed. */
export async function eventually(
  answer: () => boolean | Promise<boolean>,
  limitMs: number,
  everyMs = 10,
): Promise<boolean> {
  const end = performance.now() + limitMs;
  for (;;) {
    if (await answer()) return true;
    if (performance.now() >= end) return false;
    await sleep(everyMs);
  }
}

const PASSED_ON = /^(PATH|LD_LIBRARY_PATH|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|TEMP|TMP|USERPROFILE|APPDATA)$/i;

/** Our settings and secrets are none of the server's business. TZ spares initdb a search through all time zones. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' };
}

export interface CommandResult {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a command to its end, at most `limitMs`; its last 8 KB of output are kept. Never throws. */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: { cwd: string; account?: Account | undefined; limitMs: number; output?: 'keep' | 'drop' },
): Promise<CommandResult> {
  return new Promise((resolve) => {
    let output = '';
    const keep = options.output === 'drop' ? 'ignore' : 'pipe';
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: serverEnvironment(),
      stdio: ['ignore', keep, keep],
      detached: process.platform !== 'win32',
      windowsHide: true,
      timeout: options.limitMs,
      killSignal: 'SIGKILL',
      ...options.account,
    });
    const take = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-8192);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('error', (error) => resolve({ code: null, output: oneLine(error) }));
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** Of a text of many lines the one that says most: the last fatal one, else the last that is not empty. */
export function tellingLine(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? lines.at(-1) ?? 'it wrote nothing';
}
