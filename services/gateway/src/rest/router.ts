import { parseTemplate, type Template } from './template.ts';

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  one: Node<T> | undefined;
  rest: Node<T> | undefined;
  /** By verb, then by HTTP method. */
  readonly ends: Map<string, Map<string, { readonly template: Template; readonly value: T }>>;
}

export interface Match<T> {
  readonly value: T;
  /** Decoded, by the dotted path of the field. */
  readonly variables: ReadonlyMap<string, string>;
}

/** Nothing there: undefined. Something there, but not for this method: which ones. */
export type Found<T> = Match<T> | { readonly allowed: readonly string[] } | undefined;

const MOST_SEGMENTS = 32;

const node = <T>(): Node<T> => ({ literals: new Map(), one: undefined, rest: undefined, ends: new Map() });

/** Finds routes by path: a walk down a tree, without expressions that could be made to go back and forth. */
export class Router<T> {
  readonly #root: Node<T> = node();

  /** Throws when the same path and method are taken. */
  add(method: string, path: string, value: T): Template {
    const template = parseTemplate(path);
    let at = this.#root;
    for (const segment of template.segments) at = child(at, segment);
    const byMethod = at.ends.get(template.verb) ?? new Map();
    if (byMethod.has(method)) throw new Error(`${method} ${path} is there twice`);
    byMethod.set(method, { template, value });
    at.ends.set(template.verb, byMethod);
    return template;
  }

  /** @param path raw, without its query */
  find(method: string, path: string): Found<T> {
    const raw = path.slice(1).split('/');
    if (raw.length > MOST_SEGMENTS) return undefined;
    const last = raw.at(-1) ?? '';
    const colon = last.lastIndexOf(':');
    const verb = colon === -1 ? '' : last.slice(colon + 1);
    if (colon !== -1) raw[raw.length - 1] = last.slice(0, colon);
    const segments = UNUSUAL.test(path) ? raw.map(decoded) : raw;
    if (segments.some(isForbidden)) return undefined;
    const ends = walk(this.#root, segments as string[], 0, verb);
    if (!ends) return undefined;
    const end = ends.get(method);
    if (!end) return { allowed: [...ends.keys()] };
    const variables = end.template.variables.map(({ field, from, to }): [string, string] => {
      const open = end.template.segments[to - 1] === 'rest';
      return [field, segments.slice(from, open ? undefined : to).join('/')];
    });
    return { value: end.value, variables: new Map(variables) };
  }
}

function child<T>(at: Node<T>, segment: Template['segments'][number]): Node<T> {
  if (segment === 'one') {
    at.one ??= node();
    return at.one;
  }
  if (segment === 'rest') {
    at.rest ??= node();
    return at.rest;
  }
  const known = at.literals.get(segment.literal) ?? node<T>();
  at.literals.set(segment.literal, known);
  return known;
}

// Each node is come by once at most: its depth is that of the segment.
function walk<T>(
  at: Node<T>,
  segments: readonly string[],
  depth: number,
  verb: string,
): ReturnType<Node<T>['ends']['get']> {
  const segment = segments[depth];
  if (segment === undefined) return at.ends.get(verb);
  const literal = at.literals.get(segment);
  return (
    (literal && walk(literal, segments, depth + 1, verb)) ??
    (at.one && walk(at.one, segments, depth + 1, verb)) ??
    at.rest?.ends.get(verb)
  );
}

const FORBIDDEN = /[\p{Cc}\\]/u;
/** What a path may hold that is not what it means. */
const UNUSUAL = /[%\\\p{Cc}]/u;

/** What no honest client sends: nothing, and dots that climb. */
const isForbidden = (segment: string | undefined): boolean =>
  segment === undefined || segment === '' || segment === '.' || segment === '..';

/** A segment as it was meant. Undefined for what no honest client sends: control characters, bad escapes, slashes in them. */
function decoded(raw: string): string | undefined {
  let text = raw;
  if (raw.includes('%')) {
    try {
      text = decodeURIComponent(raw);
    } catch {
      return undefined;
    }
  }
  return text.includes('/') || FORBIDDEN.test(text) ? undefined : text;
}
