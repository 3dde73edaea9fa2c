import { getComments } from '@bufbuild/protoplugin';

/** A comment of the contract as one line of text. */
export function textOf(desc: Parameters<typeof getComments>[0]): string {
  return (getComments(desc).leading ?? '').trim().replaceAll(/\s*\n\s*/g, ' ');
}
