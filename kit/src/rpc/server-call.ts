import {
  type Deadline,
  Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';
import type { Incoming } from './validation.ts';

/** A call as it came in, unary or of a stream. */
export interface IncomingCall<Q = unknown> {
  readonly metadata: Metadata;
  readonly request: Incoming<Q>;
  getPeer(): string;
  getDeadline(): Deadline;
  /** Set by whoever wants to hear that its caller has gone. grpc-js says it of every call, also when it has ended well. */
  onCancelled: (() => void) | undefined;
  /** Its caller is told that the trace is recorded. */
  wanted?: boolean;
}

/** Of a response: the trace is recorded, although it was not sampled. */
export const WANTED_HEADER = 'weft-trace-wanted';

/** Gives the encoded response, or rejects with the status to send. */
export type ServeUnary = (call: IncomingCall<never>) => Promise<Uint8Array>;

/**
 * Serves the unary methods of these paths without the library's own handling, which makes a stream of every call and sends
 * the status when the message is gone: here a call is one object, and both leave together.
 * @param refusal the status that a call of this path ends with instead; undefined: it is served
 */
export function serveUnary(
  methods: ReadonlyMap<string, ServeUnary>,
  refusal: (path: string) => Ending | undefined,
): ServerInterceptor {
  return ({ path }, call) => {
    const refused = refusal(path);
    if (refused) return new RefusedServerCall(call, refused);
    const serve = methods.get(path);
    return serve ? new UnaryServerCall(call, serve) : new ServerInterceptingCall(call);
  };
}

export type Ending = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

class UnaryServerCall extends ServerInterceptingCall implements IncomingCall<never> {
  metadata!: Metadata;
  request!: Incoming<never>;
  onCancelled: (() => void) | undefined;
  wanted = false;
  readonly #call: ServerInterceptingCallInterface;
  readonly #serve: ServeUnary;
  #received = false;
  #gone = false;

  constructor(call: ServerInterceptingCallInterface, serve: ServeUnary) {
    super(call);
    this.#call = call;
    this.#serve = serve;
  }

  override start(): void {
    this.#call.start(this);
  }

  // What the library's own gives, read once for the call.
  override getPeer(): string {
    const { remoteAddress = 'unknown', remotePort } = this.#call.getConnectionInfo();
    return remotePort === undefined ? remoteAddress : `${remoteAddress}:${remotePort}`;
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.metadata = metadata;
    this.#call.startRead();
  }

  onReceiveMessage(request: Incoming<never>): void {
    if (this.#received) return this.#call.sendStatus(NOT_ONE_MESSAGE);
    this.#received = true;
    this.request = request;
    this.#call.startRead();
  }

  onReceiveHalfClose(): void {
    if (this.#gone) return;
    if (!this.#received) return this.#call.sendStatus(NOT_ONE_MESSAGE);
    this.#serve(this).then(
      (response) => {
        this.#call.sendMessage(response, done);
        this.#call.sendStatus(this.wanted ? wantedStatus() : OK);
        // A caller may go before its handler is done with it, and not otherwise. Node's streams keep what it leaves for long.
        this.request = undefined as never;
      },
      (refusal: Ending) => this.#call.sendStatus(refusal),
    );
  }

  onCancel(): void {
    this.#gone = true;
    this.onCancelled?.();
  }
}

const done = () => {};

/** A call, unary or of a stream, that nobody looks at. */
class RefusedServerCall extends ServerInterceptingCall {
  readonly #call: ServerInterceptingCallInterface;
  readonly #ending: Ending;

  constructor(call: ServerInterceptingCallInterface, ending: Ending) {
    super(call);
    this.#call = call;
    this.#ending = ending;
  }

  override start(): void {
    const onReceiveMetadata = () => this.#call.sendStatus(this.#ending);
    this.#call.start({ onReceiveMetadata, onReceiveMessage: done, onReceiveHalfClose: done, onCancel: done });
  }
}

export const OK: Ending = { code: status.OK, details: 'OK', metadata: null };

export function wantedStatus(): Ending {
  const metadata = new Metadata();
  metadata.set(WANTED_HEADER, 'true');
  return { ...OK, metadata };
}

const NOT_ONE_MESSAGE: Ending = {
  code: status.UNIMPLEMENTED,
  details: 'a unary call has one request message',
  metadata: null,
};

/** A call of a stream, seen the same way. */
export function incomingStream<Q>(call: ServerWritableStream<Incoming<Q>, Uint8Array>): IncomingCall<Q> {
  const incoming: IncomingCall<Q> = {
    metadata: call.metadata,
    request: call.request,
    getPeer: () => call.getPeer(),
    getDeadline: () => call.getDeadline(),
    onCancelled: undefined,
  };
  call.on('cancelled', () => incoming.onCancelled?.());
  return incoming;
}
