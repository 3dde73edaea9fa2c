import { InvalidArgument } from '../failure/index.ts';

/** The token came from nowhere that gives tokens. */
export class InvalidPageToken extends InvalidArgument {
  constructor() {
    const description = 'must be the next_page_token of an earlier answer';
    super([{ field: 'page_token', rule: 'page_token', description }]);
  }
}

/** Makes the position of the last item into a token that callers can only hand back. Parts show in it: no personal data. */
export function encodePageToken(parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/**
 * The position that a token holds.
 * @param shape how many parts there are, or what each of them looks like
 * @throws InvalidPageToken for what encodePageToken did not make, or made for something else; also for an empty one, by which
 * callers ask for the first page.
 */
export function decodePageToken(token: string, shape: number | readonly RegExp[]): string[] {
  const parts = parse(token);
  const arity = typeof shape === 'number' ? shape : shape.length;
  if (parts.length !== arity || encodePageToken(parts) !== token) throw new InvalidPageToken();
  // PostgreSQL refuses a NUL in any text.
  const fits = (part: string, index: number) => typeof shape === 'number' || shape[index]?.test(part) === true;
  if (parts.some((part, index) => part.includes('\0') || !fits(part, index))) throw new InvalidPageToken();
  return parts;
}

function parse(token: string): string[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (Array.isArray(parts) && parts.every((part) => typeof part === 'string')) return parts;
  } catch {
    // Refused below, like anything else that is no token.
  }
  throw new InvalidPageToken();
}

/** What an id of ours looks like in a token. */
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** How many items a page has: 0 asks for the service's own choice. The contract bounds what can be asked for. */
export function pageSize(requested: number, fallback: number): number {
  return requested === 0 ? fallback : requested;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

export interface PageOptions<T> {
  readonly size: number;
  /** Where an item stands in the order of the list. */
  readonly position: (item: T) => readonly string[];
  /** About how many bytes an item has in the answer. The page ends before it holds more than a message may. */
  readonly bytes?: (item: T) => number;
}

const MAX_BYTES = 3 * 1024 * 1024;

/** The page that begins with the first of `found`, of which there is one more than `size` when another page follows. */
export function pageOf<T>(found: readonly T[], { size, position, bytes = () => 0 }: PageOptions<T>): Page<T> {
  const items: T[] = [];
  let room = MAX_BYTES;
  for (const item of found.slice(0, size)) {
    room -= bytes(item);
    if (room < 0 && items.length > 0) break;
    items.push(item);
  }
  const last = items.at(-1);
  return {
    items,
    nextPageToken: last !== undefined && items.length < found.length ? encodePageToken(position(last)) : '',
  };
}
