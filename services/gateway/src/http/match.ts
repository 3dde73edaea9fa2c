/** Whether If-None-Match names the tag. Source: RFC 9110, 13.1.2: weakly compared. */
export function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const opaque = tag.replace(/^W\//, '');
  return header
    .slice(0, 2048)
    .split(',')
    .some((one) => one.trim().replace(/^W\//, '') === opaque);
}
