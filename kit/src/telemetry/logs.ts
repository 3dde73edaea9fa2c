import { isNativeError } from 'node:util/types';
import { type Logger, pino } from 'pino';
import { LineBuffer } from './line-buffer.ts';

export type { Logger };

export interface LogOptions {
  readonly level: string;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  /** Takes the lines instead of standard output. */
  readonly write?: (line: string) => void;
}

const STANDARD_OUTPUT = 1;
const { streamSym, chindingsSym } = pino.symbols;

/** The process's logger: JSON lines on standard output, or short lines for people. */
export function createLogger({ level, pretty, write }: LogOptions): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${isoTime(Date.now())}"`,
    serializers: { err: describeError },
    formatters: { level: (label: string): object => ({ level: label }) },
  };
  if (write) return pino(options, { write });
  if (pretty) return pino(options, { write: (line: string) => void process.stdout.write(forPeople(line)) });
  return pino(options, new LineBuffer(STANDARD_OUTPUT));
}

/**
 * Writes lines at level info whose fields are JSON already, such as `"port":1,"name":"a"`: for a line with every call, where
 * making one out of an object costs as much as the rest of the call's bookkeeping.
 */
export function lineWriter(logger: Logger, message: string): (fields: string) => void {
  const parts = logger as unknown as Record<symbol, unknown>;
  const stream = parts[streamSym] as { write(line: string): void };
  const bindings = parts[chindingsSym] as string;
  const end = `,"msg":${JSON.stringify(message)}}\n`;
  return (fields) => stream.write(`{"level":"info","time":"${isoTime(Date.now())}"${bindings},${fields}${end}`);
}

let second = 0;
let secondText = '';

/** ISO 8601 with milliseconds; of most only the milliseconds are new. */
function isoTime(time: number): string {
  const milliseconds = time % 1000;
  if (time - milliseconds !== second) {
    second = time - milliseconds;
    secondText = new Date(second).toISOString().slice(0, 20);
  }
  return `${secondText}${String(milliseconds).padStart(3, '0')}Z`;
}

function forPeople(line: string): string {
  const { time, level, service, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const fields = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const cause = err as { type?: string; message?: string } | undefined;
  const head = [String(time).slice(11, 23), String(level).toUpperCase().padEnd(5), service, msg].filter(Boolean);
  if (cause) fields.push(`error=${JSON.stringify(`${cause.type ?? 'Error'}: ${cause.message ?? ''}`)}`);
  return `${[...head, ...fields].join(' ')}\n`;
}

const MAX_TEXT = 4000;

/** What is worth a line of an error. Drivers hang whole connections on theirs, so fields are named here one by one. */
function describeError(error: unknown): object {
  if (!isError(error)) {
    return {
      message: (typeof error === 'object' && error ? 'an object that is no Error was thrown' : String(error)).slice(
        0,
        MAX_TEXT,
      ),
    };
  }
  const { code, reason, cause } = error as Error & { code?: unknown; reason?: unknown };
  return {
    type: error.name,
    message: error.message.slice(0, MAX_TEXT),
    stack: error.stack?.slice(0, MAX_TEXT),
    ...(code !== undefined && { code: String(code) }),
    ...(reason !== undefined && { reason: String(reason) }),
    ...(isError(cause) && { cause: `${cause.name}: ${cause.message}`.slice(0, MAX_TEXT) }),
  };
}

// Of another realm as well, as in tests.
const isError = (value: unknown): value is Error => value instanceof Error || isNativeError(value);
