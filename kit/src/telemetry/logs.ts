import { isNativeError } from 'node:util/types';
import { type Logger, pino } from 'pino';
import { LineBuffer } from './line-buffer.ts';

export type { Logger };

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A process's logger, whose level can be changed while it runs. */
export interface RootLogger extends Logger {
  /** Of this logger and of all that were made from it. */
  setLevel(level: LogLevel): void;
}

export interface LogOptions {
  readonly level: string;
  /** Fields of every line: what the work that writes it belongs to. */
  readonly fields?: () => object;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  /** Takes the lines instead of standard output. */
  readonly write?: (line: string) => void;
}

const STANDARD_OUTPUT = 1;
const { streamSym, chindingsSym } = pino.symbols;

/** The process's logger: JSON lines on standard output, or short lines for people. */
export function createLogger({ level, pretty, write, fields = () => ({}) }: LogOptions): RootLogger {
  // A child has a level of its own from the moment it is made. There is one a service, and one where a part has a name.
  const children: Logger[] = [];
  const options = {
    level,
    mixin: fields,
    onChild: (child: Logger) => void children.push(child),
    base: null,
    timestamp: () => `,"time":"${isoTime(Date.now())}"`,
    serializers: { err: describeError },
    formatters: { level: (label: string): object => ({ level: label }) },
  };
  const destination = () => {
    if (write) return { write };
    if (pretty) return { write: (line: string) => void process.stdout.write(prettyLine(line)) };
    return new LineBuffer(STANDARD_OUTPUT);
  };
  const root = pino(options, destination());
  const setLevel = (wanted: LogLevel) => {
    for (const one of [root, ...children]) one.level = wanted;
  };
  return Object.assign(root, { setLevel });
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
  let millisecond = 0;
  let begin = '';
  return (fields) => {
    const now = Date.now();
    if (now !== millisecond) {
      millisecond = now;
      begin = inOnePiece(`{"level":"info","time":"${isoTime(now)}"${bindings},`);
    }
    stream.write(`${begin}${fields}${end}`);
  };
}

/** What is put together of others is a tree of them to V8, and gone through by whoever writes it: not again where it is written often. */
export const inOnePiece = (text: string): string => Buffer.from(text).toString();

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

/** A JSON line of a log, for people. */
export function prettyLine(line: string): string {
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
