import { Code, ConnectError } from '@connectrpc/connect';
import { MAX_MESSAGE_BYTES } from '@weft/kit/rpc';
import type { Edge } from '../edge/edge.ts';
import type { EdgeMethod } from '../edge/methods.ts';
import { ageHeaders } from '../http/age.ts';
import { BodyTooLarge, readBody } from '../http/body.ts';
import type { Visit } from '../http/handler.ts';
import { rateLimitHeaders } from '../limits/rate-limits.ts';
import type { Wire } from './wire.ts';

export interface EncodedOptions {
  readonly edge: Edge;
  readonly bodyTimeout: number;
  readonly told: (error: unknown, visit: Visit) => ConnectError;
  readonly limitOf: (error: unknown) => Record<string, string>;
}

const LONGEST_TIMEOUT_MS = 86_400_000;

/**
 * A unary call whose messages pass as they came, in either direction: what the library does for it, which is made for streams
 * of any kind, takes most of such a call's time.
 */
export function passEncoded({ edge, bodyTimeout, told, limitOf }: EncodedOptions) {
  return async (visit: Visit, method: EdgeMethod, wire: Wire): Promise<void> => {
    const { request, response, arrival, plainHeaders } = visit;
    const headers = { ...plainHeaders };
    try {
      const timeout = wire.parseTimeout(
        (request.headers[wire.timeoutHeader] as string | null) ?? null,
        LONGEST_TIMEOUT_MS,
      );
      if (timeout.error) throw timeout.error;
      if (timeout.timeoutMs !== undefined) arrival.deadline = Date.now() + timeout.timeoutMs;
      const user = await admitted(visit, method, headers);
      const message = wire.open(await readBody(request, bodyTimeout));
      const { bytes, age, stale } = await edge.call(method, message, arrival, user);
      if (age !== undefined) Object.assign(headers, ageHeaders(age, stale));
      if (!response.destroyed) wire.send(response, headers, bytes);
    } catch (error) {
      const failure = error instanceof BodyTooLarge ? tooLarge() : told(error, visit);
      if (!response.destroyed && !response.headersSent) wire.fail(response, headers, failure);
    }
  };

  async function admitted({ arrival }: Visit, method: EdgeMethod, headers: Record<string, string>) {
    try {
      const { user, limit } = await edge.admit(method, arrival);
      Object.assign(headers, rateLimitHeaders(limit));
      return user;
    } catch (error) {
      Object.assign(headers, limitOf(error));
      edge.refused(method, arrival, error);
      throw error;
    }
  }
}

const tooLarge = () => new ConnectError(`a message may have ${MAX_MESSAGE_BYTES} bytes`, Code.ResourceExhausted);
