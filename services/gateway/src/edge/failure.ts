import { DomainError, type FailureKind, type FieldViolation } from '@weft/kit/failure';
import { outcomeOf, RemoteError, status } from '@weft/kit/rpc';

/** What the edge tells of a failure, in any protocol. */
export interface Failure {
  readonly code: status;
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  /** Seconds after which another try makes sense. */
  readonly retryAfter: number | undefined;
  readonly unexpected: boolean;
}

/** Limits of the gateway, by the reason that it gives. */
export const LATER_REASONS = [
  'RATE_LIMITED',
  'TOO_MANY_STREAMS',
  'UPSTREAM_BUSY',
  'OVERLOADED',
  'CIRCUIT_OPEN',
] as const;
export type LaterReason = (typeof LATER_REASONS)[number];

/** A refusal that passes by itself. */
export class Later extends DomainError {
  declare readonly reason: LaterReason;
  declare readonly retryAfter: number;

  /** @param retryAfter seconds; rounded up */
  constructor(
    kind: Extract<FailureKind, 'unavailable' | 'resource-exhausted'>,
    reason: LaterReason,
    message: string,
    retryAfter: number,
  ) {
    super(kind, reason, message, {}, Math.max(1, Math.ceil(retryAfter)));
  }
}

/** The one place where a thrown thing becomes what a client is told. */
export function failureOf(error: unknown): Failure {
  const outcome = outcomeOf(error);
  if (!(error instanceof RemoteError)) return outcome;
  const { code, reason, message, metadata, violations } = error;
  // What a transport says of a call that nobody answered names addresses, which are nobody's business.
  const told = outcome.unexpected ? message : outcome.message;
  const retryAfter = error.retryAfter ?? outcome.retryAfter;
  return { code, reason, message: told, metadata, violations, retryAfter, unexpected: false };
}

/** Retry-After, which has whole seconds, of what passes by itself. Source: RFC 9110, 10.2.3. */
export function retryHeaders({ code, retryAfter }: Failure): Record<string, string> {
  const passes = code === status.UNAVAILABLE || code === status.RESOURCE_EXHAUSTED;
  return passes && retryAfter !== undefined ? { 'retry-after': String(Math.max(1, Math.ceil(retryAfter))) } : {};
}

/** Whether a service could not be asked, or did not answer: a copy of its answer may stand in. */
export function isAway(error: unknown): boolean {
  const code = error instanceof RemoteError ? error.code : error instanceof Later ? status.UNAVAILABLE : undefined;
  return code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED;
}
