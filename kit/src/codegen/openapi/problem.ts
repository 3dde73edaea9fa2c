import { given, type Schema } from './schema.ts';

/** What every refusal looks like. Source: RFC 9457. */
export const PROBLEM: Schema = {
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
      instance: '/api/v2/orders/01a1ffb5-2554-7040-ae9b-8a4354e63942',
      reason: 'ORDER_NOT_FOUND',
      correlationId: '5f0c3f0e-7a0b-4f7e-9d53-3a0c1c6a9b11',
    },
  ],
};

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

/** What the edge and the kit answer on any method, by status; `signedIn` where a token is needed. */
export function commonRefusals(signedIn: boolean): ReadonlyMap<number, readonly string[]> {
  return new Map([
    [400, ['MALFORMED']],
    [401, signedIn ? ['TOKEN_REQUIRED', 'TOKEN_INVALID', 'TOKEN_EXPIRED'] : ['TOKEN_INVALID', 'TOKEN_EXPIRED']],
    ...(signedIn ? [[403, ['NOT_ALLOWED']] as const] : []),
    [422, ['INVALID_ARGUMENT']],
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
  412: 'It has changed since it was read',
  422: 'A field breaks its rule',
  429: 'Too much; try again later',
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

function problemResponse(status: number, reasons: readonly string[]): Schema {
  return {
    description: `${TITLES[status] ?? 'Refused'}: ${reasons.map((reason) => `\`${reason}\``).join(', ')}.`,
    ...given({ headers: REFUSAL_HEADERS[status] }),
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    'x-reasons': [...reasons],
  };
}

/** What is the same for all operations, by its name. */
export const COMMON_RESPONSES: Schema = Object.fromEntries(
  [...commonRefusals(true)].map(([status, reasons]) => [`Refused${status}`, problemResponse(status, reasons)]),
);

/** A refusal, by reference where it is the common one. */
export function refusal(status: number, reasons: readonly string[]): Schema {
  const response = problemResponse(status, reasons);
  const name = `Refused${status}`;
  const common = JSON.stringify(COMMON_RESPONSES[name]) === JSON.stringify(response);
  return common ? { $ref: `#/components/responses/${name}` } : response;
}

/** What a resource offers next (HAL). */
export const LINKS: Schema = {
  type: 'object',
  description: 'What can be done next, by relation: which ones there are depends on the state and on who asks (HAL).',
  additionalProperties: {
    type: 'object',
    properties: {
      href: { type: 'string', format: 'uri-reference' },
      method: { type: 'string', description: 'The HTTP method, where it is not GET.' },
    },
    required: ['href'],
  },
};
