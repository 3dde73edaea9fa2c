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
  /** Seconds. */
  readonly retryAfter: number;

  constructor(
    kind: Extract<FailureKind, 'unavailable' | 'resource-exhausted'>,
    reason: LaterReason,
    message: string,
    retryAfter: number,
  ) {
    super(kind, reason, message);
    this.retryAfter = Math.max(1, Math.ceil(retryAfter));
  }
}

const RETRY_SECONDS: Readonly<Partial<Record<status, number>>> = {
  [status.UNAVAILABLE]: 1,
  [status.RESOURCE_EXHAUSTED]: 1,
};

/** The one place where a thrown thing becomes what a client is told. */
export function failureOf(error: unknown): Failure {
  if (error instanceof RemoteError) {
    const { code, reason, message, metadata, violations } = error;
    // What a transport says of a call that nobody answered names addresses, which are nobody's business.
    const outcome = outcomeOf(error);
    const told = outcome.unexpected ? message : outcome.message;
    const retryAfter = toldSeconds(metadata) ?? RETRY_SECONDS[code];
    return { code, reason, message: told, metadata, violations, retryAfter, unexpected: false };
  }
  const outcome = outcomeOf(error);
  const retryAfter = error instanceof Later ? error.retryAfter : RETRY_SECONDS[outcome.code];
  return { ...outcome, retryAfter };
}

/** What a service that knows when it will answer again says of it. */
function toldSeconds({ retry_after_seconds: told = '' }: Failure['metadata']): number | undefined {
  return /^\d{1,6}$/.test(told) ? Math.max(1, Number(told)) : undefined;
}

/** Whether a service could not be asked, or did not answer: a copy of its answer may stand in. */
export function isAway(error: unknown): boolean {
  const code = error instanceof RemoteError ? error.code : error instanceof Later ? status.UNAVAILABLE : undefined;
  return code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED;
}
