import { runInContext } from '@weft/kit/context';
import {
  authorize,
  bearerToken,
  type CallOptions,
  type EndedCall,
  type Observer,
  outcomeOf,
  RemoteError,
  type TokenVerifier,
  tell,
  type User,
} from '@weft/kit/rpc';
import type { TraceContext } from '@weft/kit/telemetry';
import type { Copies } from '../cache/read-through.ts';
import type { LimitState, RateLimits } from '../limits/rate-limits.ts';
import type { OpenStream } from '../limits/streams.ts';
import { TimeOver } from '../resilience/cancelled.ts';
import { openThrough } from '../resilience/opening.ts';
import type { Shedding } from '../resilience/shedding.ts';
import type { Upstream } from '../resilience/upstream.ts';
import type { Answer } from './answer.ts';
import type { Arrival } from './arrival.ts';
import { failureOf } from './failure.ts';
import type { EdgeMethod } from './methods.ts';

/** Who may go on, and how much of a limit is left. */
export interface Admission {
  readonly user: User | undefined;
  readonly limit: LimitState;
}

/** A client of a service whose messages stay encoded. */
export type EncodedClient = Readonly<
  Record<string, (request: Buffer, options?: CallOptions) => Promise<Buffer> & AsyncIterable<Buffer>>
>;

export interface EdgeParts {
  readonly verifyToken: TokenVerifier;
  readonly limits: RateLimits;
  readonly shedding: Shedding;
  readonly client: (service: string) => EncodedClient;
  readonly upstream: (service: string) => Upstream;
  /** Takes the place of a stream; gives what frees it again. */
  readonly openStream: OpenStream;
  /** Milliseconds in which a client has to take a message of a stream; it is hung up on after that. */
  readonly readWithin: number;
  /** Fires when streams have to end: their clients resume elsewhere. */
  readonly stopping: AbortSignal;
  readonly copies: Copies;
  readonly observers: readonly Observer[];
  /** Counts what is being served, streams as well. */
  readonly inFlight: { calls: number };
}

export type Edge = ReturnType<typeof createEdge>;

/** What every call goes through, whatever protocol it came by. */
export function createEdge(parts: EdgeParts) {
  const { verifyToken, limits, shedding, client, upstream, openStream, readWithin, stopping, copies } = parts;
  const { observers, inFlight } = parts;

  const begin = () => {
    inFlight.calls += 1;
    return { time: Date.now(), clock: performance.now() };
  };

  /** Identity, limit and role, in this order. Throws what the caller is refused with. */
  async function admit({ contract }: EdgeMethod, arrival: Arrival): Promise<Admission> {
    shedding.admit();
    const token = bearerToken(arrival.authorization);
    let user: User | undefined;
    try {
      const known = token === undefined ? undefined : verifyToken(token);
      user = known instanceof Promise ? await known : known;
    } catch (error) {
      // Guesses count as well.
      await limits(contract, arrival.address);
      throw error;
    }
    arrival.token = token;
    const limit = await limits(contract, callerOf(user, arrival));
    authorize(contract, undefined, user);
    return { user, limit };
  }

  /** Asks the service, or gives a copy of what it has answered. Throws RemoteError or DomainError. */
  async function call(
    method: EdgeMethod,
    request: Uint8Array,
    arrival: Arrival,
    user: User | undefined,
  ): Promise<Answer> {
    const trace = arrival.nextSpan();
    const ask = (signal: AbortSignal, wanted: number) => {
      const own = Date.now() + method.contract.timeout;
      const deadline = Math.min(own, wanted);
      const context = { ...arrival.context(deadline, trace), signal };
      const asked = () => client(method.service)[method.descriptor.localName]?.(asBuffer(request)) as Promise<Buffer>;
      const haste = { signal, deadline, hurried: wanted < own };
      return upstream(method.service).run(() => runInContext(context, asked), haste);
    };
    const seen: Seen = { method, arrival, user, trace, request, ...begin() };
    try {
      if (arrival.deadline <= Date.now()) throw new TimeOver();
      const answer = await copies.read(method, request, user, arrival, ask);
      ended(seen, { response: answer.bytes });
      return answer;
    } catch (error) {
      ended(seen, { error });
      throw error;
    }
  }

  /** The messages of a stream, until it ends or the signal fires. */
  async function* stream(method: EdgeMethod, request: Uint8Array, arrival: Arrival, user: User | undefined) {
    const trace = arrival.nextSpan();
    const seen: Seen = { method, arrival, user, trace, request, ...begin() };
    const signal = AbortSignal.any([arrival.signal, stopping]);
    let error: unknown;
    let close = () => {};
    try {
      close = openStream(callerOf(user, arrival), method.service);
      // Whoever takes the messages may never come back for the next.
      signal.addEventListener('abort', close, { once: true });
      const context = arrival.context(arrival.deadline, trace);
      const messages = runInContext(context, () =>
        (client(method.service)[method.descriptor.localName] as EncodedClient[string])(asBuffer(request), {
          signal,
        }),
      )[Symbol.asyncIterator]();
      const take = () => runInContext(context, () => messages.next());
      try {
        const patience = { signal, deadline: arrival.deadline };
        let next = await openThrough(upstream(method.service), take, patience);
        for (; !next.done; next = await take()) {
          const unread = setTimeout(arrival.hangUp, readWithin);
          try {
            yield next.value as Uint8Array;
          } finally {
            clearTimeout(unread);
          }
        }
      } finally {
        await messages.return?.();
      }
    } catch (thrown) {
      error = thrown;
      throw thrown;
    } finally {
      // A signal that somebody listens to is kept for as long as this process runs.
      signal.removeEventListener('abort', close);
      close();
      ended(seen, { error });
    }
  }

  function ended(seen: Seen, { error, response }: { readonly error?: unknown; readonly response?: Uint8Array }): void {
    inFlight.calls -= 1;
    const { method, arrival, user, trace, request, time, clock } = seen;
    const call: EndedCall = {
      side: 'server',
      method: method.contract,
      context: arrival.context(Number.POSITIVE_INFINITY, trace),
      startTime: time,
      duration: performance.now() - clock,
      request,
      response,
      outcome: error === undefined ? undefined : { ...outcomeOf(error), ...told(error) },
      error,
      userId: user?.id,
    };
    arrival.whenAnswered((attributes) => tell(observers, { ...call, attributes }));
  }

  return {
    admit,
    call,
    stream,
    /** Tells those who look on of a call that went no further. */
    refused(method: EdgeMethod, arrival: Arrival, error: unknown): void {
      const who = { method, arrival, user: undefined, request: undefined };
      ended({ ...who, trace: arrival.nextSpan(), ...begin() }, { error });
    },
  };
}

// The service has logged what nobody foresaw there.
function told(error: unknown) {
  const { code, reason, unexpected } = failureOf(error);
  return { code, reason, unexpected: unexpected && !(error instanceof RemoteError) };
}

/** A call that is being served. */
interface Seen {
  readonly method: EdgeMethod;
  readonly arrival: Arrival;
  readonly user: User | undefined;
  readonly trace: TraceContext;
  readonly request: Uint8Array | undefined;
  /** When it began: epoch milliseconds, and those of a clock that never goes back. */
  readonly time: number;
  readonly clock: number;
}

const callerOf = (user: User | undefined, { address }: Arrival): string => (user ? `user:${user.id}` : address);

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
