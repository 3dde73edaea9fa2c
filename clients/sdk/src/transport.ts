import {
  create,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { Code, type StreamResponse, type Transport, type UnaryResponse } from '@connectrpc/connect';
import { contractOf } from './contract.ts';
import { failureOf } from './failure.ts';
import { type RetryOptions, withRetries } from './retry.ts';
import type { Session } from './session.ts';
import { countdown } from './waiting.ts';

/** Reasons of a refusal that another token may put right; nothing was done. */
const OF_THE_TOKEN = new Set(['TOKEN_EXPIRED', 'TOKEN_INVALID']);

export interface TransportOptions {
  readonly retries: RetryOptions;
  /** Undefined: calls are sent without a token. */
  readonly session: Pick<Session, 'token' | 'drop'> | undefined;
}

/**
 * Calls as the contract says: with its timeout, an idempotency key for each call however often it is tried, tries again where
 * it allows them, and a token where one is needed, whose renewal is of the call's time. Throws WeftError.
 */
export function contractTransport(inner: Transport, { retries, session }: TransportOptions): Transport {
  async function withToken<T>(
    method: DescMethod,
    header: ConstructorParameters<typeof Headers>[0],
    left: () => number | undefined,
    signal: AbortSignal | undefined,
    call: (header: Headers) => Promise<T>,
  ): Promise<T> {
    const headers = new Headers(header);
    if (!session || contractOf(method).open || headers.has('authorization')) return call(headers);
    let refused: unknown;
    for (;;) {
      const token = await session.token({ timeoutMs: left(), signal });
      if (token === undefined) {
        if (refused) throw refused;
        return call(headers);
      }
      headers.set('authorization', `Bearer ${token}`);
      try {
        return await call(headers);
      } catch (error) {
        const { code, reason } = failureOf(error);
        if (refused || code !== Code.Unauthenticated || !OF_THE_TOKEN.has(reason)) throw error;
        refused = error;
        session.drop(token);
      }
    }
  }

  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const { retryable, timeout } = contractOf(method);
      const message = withKey(method.input, input, method);
      const limits = { budget: timeoutMs ?? timeout, retryable, signal };
      return withRetries<UnaryResponse<typeof method.input, typeof method.output>>(
        (left) =>
          withToken(method, header, left, signal, (headers) =>
            inner.unary(method, signal, left(), headers, message, contextValues),
          ),
        retries,
        limits,
      ) as never;
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const left = countdown(timeoutMs);
      try {
        const response = await withToken(method, header, left, signal, (headers) =>
          inner.stream(method, signal, left(), headers, input, contextValues),
        );
        return { ...response, message: failingTyped(response) };
      } catch (error) {
        throw failureOf(error);
      }
    },
  };
}

/** The request with a key of its own, unless it has one. */
function withKey<I extends DescMessage>(schema: I, input: MessageInitShape<I>, method: DescMethod): MessageShape<I> {
  const message = create(schema, input);
  const field = contractOf(method).idempotencyKey;
  if (!field) return message;
  const values = message as unknown as Record<string, unknown>;
  if (values[field.localName] === '') return { ...message, [field.localName]: crypto.randomUUID() };
  return message;
}

async function* failingTyped<I extends DescMessage, O extends DescMessage>({ message }: StreamResponse<I, O>) {
  try {
    yield* message;
  } catch (error) {
    throw failureOf(error);
  }
}
