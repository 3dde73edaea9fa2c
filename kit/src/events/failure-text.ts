import { isNativeError } from 'node:util/types';

/** What a dead letter keeps of an error: bounded, and without the character that PostgreSQL's text refuses. */
export function describe(error: unknown): { message: string; stack: string } {
  const clean = (text: string, length: number) => text.replaceAll('\0', '').slice(0, length);
  if (!isNativeError(error)) return { message: clean(String(error), 2_000), stack: '' };
  return { message: clean(`${error.name}: ${error.message}`, 2_000), stack: clean(error.stack ?? '', 8_000) };
}
