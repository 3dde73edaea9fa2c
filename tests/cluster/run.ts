import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@weft/kit/testing';

export interface RunOptions {
  /** Given to its standard input. */
  readonly input?: string;
  /** Milliseconds after which it is ended. */
  readonly within?: number;
  readonly env?: NodeJS.ProcessEnv;
}

/** What a program printed. Throws an Error with what it said when it fails, is not there or takes too long. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input, within = 60_000, env = process.env } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'pipe', timeout: within, env });
    const output: string[] = [];
    const errors: string[] = [];
    child.stdout.on('data', (chunk) => output.push(String(chunk)));
    child.stderr.on('data', (chunk) => errors.push(String(chunk)));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(output.join(''));
      const how = signal ? `was ended after ${within} ms` : `ended with ${code}`;
      reject(new Error(`${program} ${args.join(' ').slice(0, 300)} ${how}\n${output.join('')}${errors.join('')}`));
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
  });
}

/** Whether a program is on the path: it runs with this one argument. */
export const isThere = (program: string, argument: string): Promise<boolean> =>
  run(program, [argument]).then(
    () => true,
    () => false,
  );

const ASK_EVERY_MS = 400;

/** As `eventually`, for what is asked of a program: each question is a process, and the node has better things to do. */
export const seenBy = <T>(ask: () => Promise<T>, withinMs: number): Promise<T> =>
  eventually(async () => {
    await delay(ASK_EVERY_MS);
    return await ask();
  }, withinMs);
