/** What kind of failure it is; the rpc room maps each to one gRPC status code. */
export type FailureKind =
  | 'invalid-argument'
  | 'not-found'
  | 'already-exists'
  | 'failed-precondition'
  | 'permission-denied'
  | 'unauthenticated'
  | 'aborted'
  | 'unavailable'
  | 'resource-exhausted';

/** A field of a request that breaks a rule. Never holds the field's value. */
export interface FieldViolation {
  /** Path in the request, for example `lines[0].quantity`. */
  readonly field: string;
  /** Id of the rule, for example `int64.gte`. */
  readonly rule: string;
  readonly description: string;
}

/**
 * A failure that callers can act on. `reason` is stable, in UPPER_SNAKE_CASE; `message` and `metadata` reach the caller and
 * hold no personal data.
 */
export class DomainError extends Error {
  readonly kind: FailureKind;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Seconds after which another try makes sense; undefined: what is usual for its kind. */
  readonly retryAfter: number | undefined;

  constructor(
    kind: FailureKind,
    reason: string,
    message: string,
    metadata: Readonly<Record<string, string>> = {},
    retryAfter?: number,
  ) {
    super(message);
    this.name = new.target.name;
    this.kind = kind;
    this.reason = reason;
    this.metadata = metadata;
    this.retryAfter = retryAfter;
  }
}

/** A request that breaks its contract; nothing was changed. */
export class InvalidArgument extends DomainError {
  readonly violations: readonly FieldViolation[];

  constructor(violations: readonly FieldViolation[]) {
    const named = violations.slice(0, 3).map(({ field, description }) => `${field}: ${description}`);
    super('invalid-argument', 'INVALID_ARGUMENT', named.join('; '));
    this.violations = violations;
  }
}
