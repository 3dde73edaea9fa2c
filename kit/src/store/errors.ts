import { isNativeError } from 'node:util/types';
import { DomainError } from '../failure/index.ts';

/** The database cannot be reached, or did not answer in time. Whether a commit in flight took place is not known. */
export class DatabaseUnavailable extends DomainError {
  /** The same work may be tried again: the connection broke before the commit was sent, or a guard of the work would notice. */
  repeatable = false;

  constructor(cause: unknown, message = 'the database is not available') {
    super('unavailable', 'DATABASE_UNAVAILABLE', message);
    this.cause = cause;
  }
}

/** Others held what was needed for too long: nothing was changed, and the same work may succeed when tried again. */
export class DatabaseContended extends DomainError {
  readonly code: string;

  constructor(code: string, cause: unknown) {
    super('aborted', 'DATABASE_CONTENDED', 'others are working on the same data; try again');
    this.code = code;
    this.cause = cause;
  }
}

/** The schema changed under a prepared statement; the connection was let go, and the work may be tried again. */
export class StalePlan extends DatabaseContended {}

/** A statement changed other rows than its unit of work had reason to expect: somebody was faster, and nothing was changed. */
export class Outdated extends DatabaseContended {
  constructor() {
    super('22012', undefined);
  }
}

/** The key was used before with another request. */
export class IdempotencyKeyReused extends DomainError {
  constructor() {
    super('already-exists', 'IDEMPOTENCY_KEY_REUSED', 'the idempotency key was used before with another request');
  }
}

/** The first call with this key is still running. */
export class RequestInProgress extends DomainError {
  constructor(cause: unknown) {
    super('aborted', 'REQUEST_IN_PROGRESS', 'the first request with this idempotency key is still running; try again');
    this.cause = cause;
  }
}

const LOST = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  '25P03', // idle in a transaction for too long
  '53300', // too many connections
  '57P01', // the server shuts down, or the connection was ended by an administrator
  '57P02', // the server crashed
  '57P03', // the server is starting
  '57P05', // the session was idle for too long
]);
const CONTENDED = new Set(['40001', '40P01', '55P03']);
const LOST_MESSAGE = /Connection terminated|not queryable|timeout exceeded when trying to connect|Query read timeout/;
const TIMED_OUT = /timeout/;

/** What `pg` hangs on its errors that may hold values of rows or whole queries: not to be seen in logs. */
const PRIVATE = ['detail', 'where', 'internalQuery', 'client'] as const;

/** Hides from loggers and serializers what an error of `pg` tells of the data. */
export function discreet(error: unknown): unknown {
  if (isNativeError(error)) {
    for (const name of PRIVATE) if (name in error) Object.defineProperty(error, name, { enumerable: false });
  }
  return error;
}

/** Turns what `pg` throws into a failure of ours where callers can act on it; anything else comes back as it is. */
export function translate(error: unknown): unknown {
  if (!isNativeError(error) || error instanceof DomainError) return error;
  discreet(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (LOST.has(code) || code.startsWith('08') || LOST_MESSAGE.test(error.message))
    return new DatabaseUnavailable(error);
  if (code === '57014') return new DatabaseUnavailable(error, 'the database did not answer in time');
  if (CONTENDED.has(code)) return new DatabaseContended(code, error);
  if (code === '0A000' && error.message.includes('cached plan')) return new StalePlan(code, error);
  return error;
}

/** Whether the same unit of work, tried again, may well succeed at once. What took long once is not tried again. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return error.repeatable && !TIMED_OUT.test(String(error.cause));
  return error instanceof DatabaseContended && error.code !== '55P03';
}

/** What the database or the system calls it: SQLSTATE, ECONNREFUSED and the like; the name of the error where they do not. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  for (const { code } of [error, error.cause ?? {}] as readonly { readonly code?: unknown }[])
    if (typeof code === 'string' && code.length <= 32) return code;
  return error.name;
}
