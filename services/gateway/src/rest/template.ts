/** A part of a path: itself, any one segment, or all that is left. */
export type Segment = { readonly literal: string } | 'one' | 'rest';

export interface Template {
  readonly segments: readonly Segment[];
  /** After the last colon; empty where there is none. */
  readonly verb: string;
  /** Dotted path of a field, and the segments that it takes. */
  readonly variables: readonly { readonly field: string; readonly from: number; readonly to: number }[];
  /** The path before its verb: text, and between it the fields that are variables. */
  readonly pieces: readonly (string | { readonly field: string })[];
}

/** Reads a path template. Source: google/api/http.proto, "Path template syntax". Throws an Error that names what is wrong. */
export function parseTemplate(text: string): Template {
  if (!text.startsWith('/')) throw new Error(`${text} does not begin with a slash`);
  const segments: Segment[] = [];
  const variables: Template['variables'][number][] = [];
  const pieces: Template['pieces'][number][] = [];
  let plain = '';
  const closing = text.lastIndexOf('}');
  const colon = text.indexOf(':', Math.max(closing, text.lastIndexOf('/')));
  const verb = colon === -1 ? '' : text.slice(colon + 1);
  for (const part of splitOutsideBraces(text.slice(1, colon === -1 ? undefined : colon))) {
    if (!part.startsWith('{')) {
      segments.push(segmentOf(part, text));
      plain += `/${part}`;
      continue;
    }
    const [field = '', pattern = '*'] = part.slice(1, -1).split('=');
    const from = segments.length;
    for (const inner of pattern.split('/')) segments.push(segmentOf(inner, text));
    variables.push({ field, from, to: segments.length });
    pieces.push(`${plain}/`, { field });
    plain = '';
  }
  if (segments.slice(0, -1).includes('rest')) throw new Error(`${text}: ** has to be the last segment`);
  return { segments, verb, variables, pieces: plain === '' ? pieces : [...pieces, plain] };
}

function splitOutsideBraces(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') depth += 1;
    else if (text[at] === '}') depth -= 1;
    else if (text[at] === '/' && depth === 0) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

function segmentOf(part: string, text: string): Segment {
  if (part === '*') return 'one';
  if (part === '**') return 'rest';
  if (!/^[A-Za-z0-9._~-]+$/.test(part)) throw new Error(`${text}: ${JSON.stringify(part)} is not a segment`);
  return { literal: part };
}

/** A path of a template: each variable as its field says. Undefined where a field is empty. */
export function expand({ pieces, verb }: Template, textOf: (field: string) => string | undefined): string | undefined {
  let path = '';
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      path += piece;
      continue;
    }
    const value = textOf(piece.field);
    if (value === undefined || value === '') return undefined;
    path += encodeURIComponent(value);
  }
  return verb === '' ? path : `${path}:${verb}`;
}
