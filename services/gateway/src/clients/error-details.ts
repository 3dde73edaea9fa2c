import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from '@weft/gen/es/google/rpc/error_details_pb';
import type { Failure } from '../edge/failure.ts';

/** A failure as Connect, gRPC-Web and gRPC tell it: with google.rpc details. Source: google/rpc/error_details.proto. */
export function connectErrorOf(
  failure: Failure,
  correlationId: string,
  headers: Record<string, string> = {},
): ConnectError {
  const { code, reason, message, metadata, violations, retryAfter } = failure;
  const error = new ConnectError(message, code as number as Code, headers);
  error.details.push(
    { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason, domain: 'gateway.weft', metadata }) },
    { desc: RequestInfoSchema, value: create(RequestInfoSchema, { requestId: correlationId }) },
  );
  if (violations.length > 0) {
    const fieldViolations = violations.map(({ field, rule, description }) => ({ field, description, reason: rule }));
    error.details.push({ desc: BadRequestSchema, value: create(BadRequestSchema, { fieldViolations }) });
  }
  if (retryAfter !== undefined) {
    const retryDelay = durationFromMs(Math.round(retryAfter * 1000));
    error.details.push({ desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay }) });
  }
  return error;
}

/** Of a thrown thing that is Connect's own: a body that cannot be read, a message that is too large. */
export const isConnectError = (thrown: unknown): thrown is ConnectError => thrown instanceof ConnectError;

export { Code };
