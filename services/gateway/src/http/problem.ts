import { STATUS_CODES } from 'node:http';
import { status } from '@weft/kit/rpc';
import { type Failure, retryHeaders } from '../edge/failure.ts';

/** Source: google/rpc/code.proto, and what HTTP says better. */
const HTTP_STATUS: Readonly<Partial<Record<status, number>>> = {
  [status.CANCELLED]: 499,
  [status.INVALID_ARGUMENT]: 400,
  [status.OUT_OF_RANGE]: 400,
  [status.FAILED_PRECONDITION]: 409,
  [status.ALREADY_EXISTS]: 409,
  [status.ABORTED]: 409,
  [status.UNAUTHENTICATED]: 401,
  [status.PERMISSION_DENIED]: 403,
  [status.NOT_FOUND]: 404,
  [status.RESOURCE_EXHAUSTED]: 429,
  [status.UNIMPLEMENTED]: 501,
  [status.UNAVAILABLE]: 503,
  [status.DEADLINE_EXCEEDED]: 504,
};

const BY_REASON: Readonly<Record<string, number>> = {
  VERSION_MISMATCH: 412,
  METHOD_NOT_ALLOWED: 405,
  BODY_TOO_SLOW: 408,
  BODY_TOO_LARGE: 413,
  URI_TOO_LONG: 414,
  MEDIA_TYPE_UNSUPPORTED: 415,
};

export function httpStatusOf({ code, reason, violations }: Failure): number {
  const byReason = BY_REASON[reason];
  if (byReason !== undefined) return byReason;
  // It was understood, and it breaks the contract's rules.
  if (code === status.INVALID_ARGUMENT && violations.length > 0 && reason !== 'MALFORMED') return 422;
  return HTTP_STATUS[code] ?? 500;
}

/** Source: RFC 9457. */
export function problemOf(failure: Failure, correlationId: string, instance: string) {
  const { reason, message, metadata, violations } = failure;
  const code = httpStatusOf(failure);
  return {
    type: `urn:weft:problem:${reason.toLowerCase().replaceAll('_', '-')}`,
    title: code === 499 ? 'Client Closed Request' : (STATUS_CODES[code] ?? 'Error'),
    status: code,
    detail: message,
    instance,
    reason,
    correlationId,
    ...(violations.length > 0 && { errors: violations }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  };
}

export function problemHeaders(failure: Failure): Record<string, string> {
  const { code } = failure;
  return {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...retryHeaders(failure),
    ...(code === status.UNAUTHENTICATED && { 'www-authenticate': 'Bearer realm="weft"' }),
  };
}
