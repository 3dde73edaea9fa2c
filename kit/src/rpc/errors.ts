import { Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { BadRequest, ErrorInfo, RequestInfo, RetryInfo } from '@weft/gen/grpc/google/rpc/error_details';
import { Status } from '@weft/gen/grpc/google/rpc/status';
import { DomainError, type FailureKind, type FieldViolation, InvalidArgument } from '../failure/index.ts';
import type { WantedFor } from '../telemetry/index.ts';

const CODES: Readonly<Record<FailureKind, status>> = {
  'invalid-argument': status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  'already-exists': status.ALREADY_EXISTS,
  'failed-precondition': status.FAILED_PRECONDITION,
  'permission-denied': status.PERMISSION_DENIED,
  unauthenticated: status.UNAUTHENTICATED,
  aborted: status.ABORTED,
  unavailable: status.UNAVAILABLE,
  'resource-exhausted': status.RESOURCE_EXHAUSTED,
};

/** Seconds, of a failure that says nothing of it. */
const RETRY_AFTER: Readonly<Partial<Record<status, number>>> = {
  [status.UNAVAILABLE]: 0.5,
  [status.ABORTED]: 0.1,
  [status.RESOURCE_EXHAUSTED]: 1,
};

/** Codes of another service that say as much to our caller as they do to us, as does a token that expired on the way; all
 * others are our own fault. */
const PASSED_ON: ReadonlySet<status> = new Set([
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
  status.FAILED_PRECONDITION,
  status.ABORTED,
  status.UNAVAILABLE,
  status.RESOURCE_EXHAUSTED,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
]);

/** Codes that are the server's own fault. Source: OpenTelemetry gRPC semantic conventions. */
const FAULTS: ReadonlySet<status> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

/** A call failed through no fault of its caller. */
export const isFault = (code: status): boolean => FAULTS.has(code);

/** What a trace is wanted for in which a call ended with this code. */
export const wantedFor = (code: status): WantedFor => (isFault(code) ? 'failure' : 'refusal');

/** Instead of what a transport says of a call that no service answered: it names addresses. */
const TRANSPORT_MESSAGES: Readonly<Partial<Record<status, string>>> = {
  [status.UNAVAILABLE]: 'a service that is needed does not answer at the moment',
  [status.DEADLINE_EXCEEDED]: 'the deadline passed',
  [status.CANCELLED]: 'the call was cancelled',
};

/** What another service answered instead of a response. */
export class RemoteError extends Error {
  /** gRPC status code. */
  readonly code: status;
  /** The stable reason of its ErrorInfo; the code's name where there is none. */
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  /** Seconds after which another try makes sense, by its RetryInfo. */
  readonly retryAfter: number | undefined;

  constructor(
    code: status,
    reason: string,
    message: string,
    metadata = {},
    violations: readonly FieldViolation[] = [],
    retryAfter?: number,
  ) {
    super(message);
    this.name = 'RemoteError';
    this.code = code;
    this.reason = reason;
    this.metadata = metadata;
    this.violations = violations;
    this.retryAfter = retryAfter;
  }
}

/** The call took longer than it may. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded';
}

/** The caller went away. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';
}

/** A handler gave more than a message may hold. */
export class ResponseTooLarge extends Error {
  override readonly name = 'ResponseTooLarge';
}

export interface Outcome {
  readonly code: status;
  readonly reason: string;
  readonly message: string;
  /** True when nobody foresaw it: it is logged with its stack, and its text stays here. */
  readonly unexpected: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  /** Seconds after which another try makes sense. */
  readonly retryAfter: number | undefined;
}

/** The one place where a thrown thing becomes a status. */
export function outcomeOf(error: unknown): Outcome {
  const plain = { unexpected: false, metadata: {}, violations: [], retryAfter: undefined };
  if (error instanceof InvalidArgument) {
    return {
      ...plain,
      code: status.INVALID_ARGUMENT,
      reason: error.reason,
      message: error.message,
      violations: error.violations,
    };
  }
  if (error instanceof DomainError) {
    const code = CODES[error.kind];
    const { reason, message, metadata, retryAfter = RETRY_AFTER[code] } = error;
    return { ...plain, code, reason, message, metadata, retryAfter };
  }
  if (error instanceof RemoteError && (PASSED_ON.has(error.code) || error.reason === 'TOKEN_EXPIRED')) {
    const { code, reason, metadata } = error;
    const unanswered = reason === status[code] ? TRANSPORT_MESSAGES[code] : undefined;
    const retryAfter = error.retryAfter ?? RETRY_AFTER[code];
    return { ...plain, code, reason, message: unanswered ?? error.message, metadata, retryAfter };
  }
  if (error instanceof DeadlineExceeded) {
    return { ...plain, code: status.DEADLINE_EXCEEDED, reason: 'DEADLINE_EXCEEDED', message: 'the deadline passed' };
  }
  if (error instanceof Cancelled) {
    return { ...plain, code: status.CANCELLED, reason: 'CANCELLED', message: 'the caller cancelled' };
  }
  if (error instanceof ResponseTooLarge) {
    const message = 'the response is larger than a message may be';
    return { ...plain, code: status.RESOURCE_EXHAUSTED, reason: 'RESPONSE_TOO_LARGE', message, unexpected: true };
  }
  return { ...plain, code: status.INTERNAL, reason: 'INTERNAL', message: 'internal error', unexpected: true };
}

const MAX_MESSAGE = 1000;

/** A status with google.rpc details: ErrorInfo, BadRequest, RetryInfo, RequestInfo. Source: google/rpc/error_details.proto. */
export function statusOf(
  outcome: Outcome,
  domain: string,
  correlationId: string,
): StatusObject & { metadata: Metadata } {
  const { code, reason, violations, retryAfter } = outcome;
  // Half of a surrogate pair cannot be sent: grpc-js would throw where nobody catches.
  const message = outcome.message.slice(0, MAX_MESSAGE).toWellFormed();
  const details = [
    detail('ErrorInfo', ErrorInfo.encode({ reason, domain, metadata: { ...outcome.metadata } }).finish()),
    detail('RequestInfo', RequestInfo.encode({ requestId: correlationId, servingData: '' }).finish()),
  ];
  if (violations.length > 0) {
    const fieldViolations = violations.map(({ field, rule, description }) => ({
      field,
      description,
      reason: rule.replace(/[^A-Za-z0-9]+/g, '_').toUpperCase(),
      localizedMessage: undefined,
    }));
    details.push(detail('BadRequest', BadRequest.encode({ fieldViolations }).finish()));
  }
  if (retryAfter !== undefined) {
    const ms = Math.round(retryAfter * 1000);
    const retryDelay = { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 };
    details.push(detail('RetryInfo', RetryInfo.encode({ retryDelay }).finish()));
  }
  const metadata = new Metadata();
  metadata.set('x-correlation-id', correlationId);
  metadata.set('grpc-status-details-bin', Buffer.from(Status.encode({ code, message, details }).finish()));
  return { code, details: message, metadata };
}

function detail(type: string, value: Uint8Array) {
  return { typeUrl: `type.googleapis.com/google.rpc.${type}`, value };
}

/** Reads what a call ended with. */
export function remoteErrorOf(error: Pick<ServiceError, 'code' | 'details' | 'metadata'>): RemoteError {
  const [encoded] = error.metadata?.get('grpc-status-details-bin') ?? [];
  let reason = status[error.code] ?? 'UNKNOWN';
  let metadata: Record<string, string> = {};
  let violations: FieldViolation[] = [];
  let retryAfter: number | undefined;
  try {
    for (const { typeUrl, value } of encoded instanceof Buffer ? Status.decode(encoded).details : []) {
      if (typeUrl.endsWith('/google.rpc.ErrorInfo')) ({ reason, metadata } = ErrorInfo.decode(value));
      if (typeUrl.endsWith('/google.rpc.BadRequest')) {
        violations = BadRequest.decode(value).fieldViolations.map(({ field, reason: rule, description }) => ({
          field,
          rule,
          description,
        }));
      }
      if (typeUrl.endsWith('/google.rpc.RetryInfo')) {
        const { seconds = 0n, nanos = 0 } = RetryInfo.decode(value).retryDelay ?? {};
        retryAfter = Math.max(0, Number(seconds) + nanos / 1e9);
      }
    }
  } catch {
    // Its code says enough. Thrown here, in a callback of grpc-js, it would end the process.
  }
  return new RemoteError(error.code, reason, error.details, metadata, violations, retryAfter);
}
