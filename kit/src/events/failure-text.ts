import { isNativeError } from 'node:util/types';

/** Errors of what nobody survived, or may not have. */
export const KILLED = 'the process ended each time it was handled';
export const KILLED_AGAIN = 'the process or its connection ended while it was handled again';

/** What has this error may be the end of the process that handles it. */
export const isDeadly = (error: string): boolean => [KILLED, KILLED_AGAIN].some((text) => error.endsWith(text));

/** What a dead letter keeps of an error: bounded, and without the character that PostgreSQL's text refuses. */
export function describe(error: unknown): { message: string; stack: string } {
  const clean = (text: string, length: number) => text.replaceAll('\0', '').slice(0, length);
  if (!isNativeError(error)) return { message: clean(String(error), 2_000), stack: '' };
  return { message: clean(`${error.name}: ${error.message}`, 2_000), stack: clean(error.stack ?? '', 8_000) };
}
