import { STATUS_CODES } from 'node:http';
import { given, type Schema } from './schema.ts';

/** What every refusal looks like, of a version that is mounted there. Source: RFC 9457. */
export const problem = (mount: string): Schema => ({
  type: 'object',
  description: 'Why a request was not done (RFC 9457). `reason` is stable: decide by it, show `detail`.',
  properties: {
    type: { type: 'string', format: 'uri', description: 'Names the kind of problem: the reason as a URN.' },
    title: { type: 'string', description: 'Of the status.' },
    status: { type: 'integer', format: 'int32', minimum: 400, maximum: 599, description: 'The HTTP status.' },
    detail: { type: 'string', description: 'What is wrong, for people.' },
    instance: { type: 'string', description: 'The path that was asked for.' },
    reason: { type: 'string', pattern: '^[A-Z][A-Z0-9_]*$', description: 'What is wrong, for programs.' },
    correlationId: { type: 'string', description: 'By which the request is found in logs and traces.' },
    errors: {
      type: 'array',
      description: 'Each field that breaks a rule.',
      items: {
        type: 'object',
        properties: {
          field: { type: 'string', description: 'Path of the field, for example `lines[0].quantity`.' },
          rule: { type: 'string', description: 'The rule that it breaks.' },
          description: { type: 'string', description: 'The rule in words.' },
        },
        required: ['field', 'rule', 'description'],
      },
    },
    metadata: {
      type: 'object',
      description: 'What goes with the reason, for example the version that there is.',
      additionalProperties: { type: 'string' },
    },
  },
  required: ['type', 'title', 'status', 'reason'],
  examples: [
    {
      type: 'urn:weft:problem:order-not-found',
      title: 'Not Found',
      status: 404,
      detail: 'there is no such order',
      instance: `${mount}/orders/01a1ffb5-2554-7040-ae9b-8a4354e63942`,
      reason: 'ORDER_NOT_FOUND',
      correlationId: '5f0c3f0e-7a0b-4f7e-9d53-3a0c1c6a9b11',
    },
  ],
});

/** HTTP status of a refusal by its gRPC code. */
const STATUS: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: 422,
  OUT_OF_RANGE: 400,
  FAILED_PRECONDITION: 409,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  RESOURCE_EXHAUSTED: 429,
  UNAVAILABLE: 503,
};

const BY_REASON: Readonly<Record<string, number>> = { VERSION_MISMATCH: 412 };

const BODY_REFUSALS: readonly (readonly [number, readonly string[]])[] = [
  [408, ['BODY_TOO_SLOW']],
  [413, ['BODY_TOO_LARGE']],
  [415, ['MEDIA_TYPE_UNSUPPORTED']],
];
/** These come before it is known which version was asked for. */
const BEFORE_ANY_VERSION = new Set([414, 431]);

/** What the edge and the kit answer on any method, by status; `signedIn` where a token is needed, `withBody` where it takes one. */
export function commonRefusals(signedIn: boolean, withBody: boolean): ReadonlyMap<number, readonly string[]> {
  return new Map([
    [400, ['MALFORMED']],
    [401, signedIn ? ['TOKEN_REQUIRED', 'TOKEN_INVALID', 'TOKEN_EXPIRED'] : ['TOKEN_INVALID', 'TOKEN_EXPIRED']],
    ...(signedIn ? [[403, ['NOT_ALLOWED']] as const] : []),
    ...(withBody ? BODY_REFUSALS : []),
    [414, ['URI_TOO_LONG']],
    [422, ['INVALID_ARGUMENT']],
    [431, ['HEADERS_TOO_LARGE']],
    [429, ['RATE_LIMITED']],
    [500, ['INTERNAL']],
    [503, ['UNAVAILABLE']],
    [504, ['DEADLINE_EXCEEDED']],
  ]);
}

const NAMED = /\b([A-Z]+(?:_[A-Z]+)*) \(([A-Z][A-Z0-9_]*(?:, [A-Z][A-Z0-9_]*)*)\)/g;

/** The refusals that a method's comment names, such as `NOT_FOUND (ORDER_NOT_FOUND)`, by status. */
export function namedRefusals(comment: string): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, string[]>();
  for (const [, code = '', reasons = ''] of comment.matchAll(NAMED)) {
    for (const reason of reasons.split(', ')) {
      const status = BY_REASON[reason] ?? STATUS[code];
      if (status === undefined) throw new Error(`${code} (${reason}) is no status of a refusal`);
      const known = found.get(status) ?? [];
      if (!known.includes(reason)) known.push(reason);
      found.set(status, known);
    }
  }
  return found;
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'The request cannot be read',
  401: 'Nobody is signed in, or the credentials are wrong',
  403: 'The caller may not do this',
  404: 'There is no such thing, or the caller may not see it',
  409: 'What there is does not allow it',
  408: 'The body did not come in time',
  412: 'It has changed since it was read',
  413: 'The body is too large',
  414: 'The address is too long',
  415: 'The body has to be JSON, and uncompressed',
  422: 'A field breaks its rule',
  429: 'Too much; try again later',
  431: 'The headers are too large; they were not read',
  500: 'Our mistake',
  503: 'Not at the moment; try again later',
  504: 'It took too long; it may have been done',
};

const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds after which to try again.', schema: { type: 'integer', minimum: 1 } },
};

const REFUSAL_HEADERS: Readonly<Record<number, Schema>> = {
  429: {
    ...RETRY_AFTER,
    RateLimit: { $ref: '#/components/headers/RateLimit' },
    'RateLimit-Policy': { $ref: '#/components/headers/RateLimitPolicy' },
  },
  503: RETRY_AFTER,
};

/** Refusals of one version. */
export interface Refusals {
  /** What is the same for all operations, by its name. */
  readonly common: Schema;
  /** One, by reference where it is the common one. */
  of(status: number, reasons: readonly string[]): Schema;
}

/** @param versioned headers of what a version refuses */
export function refusalsOf(mount: string, versioned: Schema): Refusals {
  const response = (status: number, reasons: readonly string[]): Schema => {
    const headers = { ...REFUSAL_HEADERS[status], ...(!BEFORE_ANY_VERSION.has(status) && versioned) };
    return {
      description: `${TITLES[status] ?? 'Refused'}: ${reasons.map((reason) => `\`${reason}\``).join(', ')}.`,
      ...given({ headers: Object.keys(headers).length > 0 ? headers : undefined }),
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          examples: Object.fromEntries(
            reasons.map((reason) => [reason, { value: problemExample(status, reason, mount) }]),
          ),
        },
      },
      'x-reasons': [...reasons],
    };
  };
  const common = Object.fromEntries(
    [...commonRefusals(true, true)].map(([status, reasons]) => [`Refused${status}`, response(status, reasons)]),
  );
  return {
    common: {
      ...common,
      Refused: {
        description: 'Refused.',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
    of(status, reasons) {
      const one = response(status, reasons);
      const name = `Refused${status}`;
      return JSON.stringify(common[name]) === JSON.stringify(one) ? { $ref: `#/components/responses/${name}` } : one;
    },
  };
}

/** What is there before any method is known, such as a header that is too long, has neither an address nor an id. */
function problemExample(status: number, reason: string, mount: string): Schema {
  const known = status !== 431;
  return {
    type: `urn:weft:problem:${reason.toLowerCase().replaceAll('_', '-')}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    ...(known && { detail: TITLES[status] ?? 'Refused', instance: `${mount}/…` }),
    reason,
    ...(known && { correlationId: '5f0c3f0e-7a0b-4f7e-9d53-3a0c1c6a9b11' }),
    ...(reason === 'INVALID_ARGUMENT' && {
      errors: [{ field: 'lines[0].quantity', rule: 'int64.gte_lte', description: 'must be between 1 and 100000' }],
    }),
  };
}
