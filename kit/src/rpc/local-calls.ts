import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { outsideContext } from '../context/index.ts';
import { type Asked, type Cancel, type Heard, metadataOf } from './asked.ts';
import { type Ending, type IncomingCall, OK, type ServeUnary, wantedStatus } from './server-call.ts';
import type { BoundService } from './service.ts';
import type { Incoming } from './validation.ts';

/**
 * The servers of this process, by address. A unary call to one of them goes straight to its method, with the bytes, headers, deadline and
 * wrapper that it would have over a connection; the connection is most of what a call costs. Streams have one all the same.
 */
export class LocalServers {
  readonly #byAddress = new Map<string, LocalServer>();

  /** @returns takes it back */
  add(server: LocalServer): () => void {
    this.#byAddress.set(server.address, server);
    return () => {
      if (this.#byAddress.get(server.address) === server) this.#byAddress.delete(server.address);
    };
  }

  /** @param address host:port */
  at(address: string): LocalServer | undefined {
    return this.#byAddress.get(address);
  }
}

interface LocalMethod {
  readonly serve: ServeUnary;
  readonly decode: (bytes: Buffer) => Incoming<never>;
}

/** The unary methods of one server, to which nothing of the caller's work is known but what the headers say. */
export class LocalServer {
  /** host:port, at which it is called, and from which these calls come. */
  readonly address: string;
  readonly #methods: ReadonlyMap<string, LocalMethod>;
  readonly #refusal: (path: string) => Ending | undefined;
  readonly #open = new Set<LocalCall>();
  readonly #whenIdle: (() => void)[] = [];

  /**
   * @param host what it listens on
   * @param refusal the status that a call of this path ends with instead; undefined: it is served
   */
  constructor(
    { host, port }: { readonly host: string; readonly port: number },
    bound: readonly BoundService[],
    refusal: (path: string) => Ending | undefined,
  ) {
    this.address = `${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host}:${port}`;
    const all = bound.flatMap(({ definition, unary }) =>
      Object.values(definition).flatMap(({ path, requestDeserialize: decode }) => {
        const serve = unary.get(path);
        return serve ? [[path, { serve, decode: decode as LocalMethod['decode'] }] as const] : [];
      }),
    );
    this.#methods = new Map(all);
    this.#refusal = refusal;
  }

  /** @param left milliseconds until its deadline @returns undefined for a path of which it has no unary method */
  call({ path, message, headers, deadline }: Asked, left: number, heard: (heard: Heard) => void): Cancel | undefined {
    const method = this.#methods.get(path);
    if (!method) return undefined;
    const call = new LocalCall(
      method.decode(message),
      metadataOf(headers),
      { from: this.address, deadline },
      (ended) => {
        this.#open.delete(call);
        if (this.#open.size === 0) for (const tell of this.#whenIdle.splice(0)) tell();
        heard(ended);
      },
    );
    this.#open.add(call);
    call.endWithin(left);
    // Whoever asks hears nothing before it can cancel. What it asks for waits for something: a loop of calls that do not would let nobody
    // else have a turn.
    queueMicrotask(() => {
      if (call.over) return;
      const refused = this.#refusal(path);
      if (refused) call.end(refused);
      else outsideContext(() => answer(method.serve, call));
    });
    return (code, details) => call.cancel(code, details);
  }

  /** Resolves when no call is open. */
  async idle(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** Ends those that are open. */
  cut(): void {
    for (const call of this.#open) call.cancel(status.UNAVAILABLE, 'the server stops');
  }
}

function answer(serve: ServeUnary, call: LocalCall): void {
  serve(call).then(
    (response) => call.end(call.wanted ? wantedStatus() : OK, response as Buffer),
    (ending: Ending) => call.end(ending),
  );
}

class LocalCall implements IncomingCall<never> {
  request: Incoming<never>;
  readonly metadata: Metadata;
  onCancelled: (() => void) | undefined;
  wanted = false;
  readonly #from: string;
  readonly #deadline: number;
  #timer: NodeJS.Timeout | undefined;
  #heard: ((heard: Heard) => void) | undefined;

  constructor(
    request: Incoming<never>,
    metadata: Metadata,
    { from, deadline }: { readonly from: string; readonly deadline: number },
    heard: (heard: Heard) => void,
  ) {
    this.request = request;
    this.metadata = metadata;
    this.#from = from;
    this.#deadline = deadline;
    this.#heard = heard;
  }

  get over(): boolean {
    return this.#heard === undefined;
  }

  getPeer(): string {
    return this.#from;
  }

  getDeadline(): number {
    return this.#deadline;
  }

  /** @param left milliseconds */
  endWithin(left: number): void {
    this.#timer = setTimeout(() => this.cancel(status.DEADLINE_EXCEEDED, 'the deadline passed'), left);
  }

  /** Is told to whoever asks in a moment, as it is of a call over a connection, and not within what it does now. */
  cancel(code: status, details: string): void {
    const heard = this.#close();
    if (!heard) return;
    queueMicrotask(() => heard(heardOf({ code, details })));
    outsideContext(() => this.onCancelled?.());
  }

  end(ending: Ending, response?: Buffer): void {
    const heard = this.#close();
    // Its handler is done with it.
    if (response) this.request = undefined as never;
    heard?.(heardOf(ending, response));
  }

  #close(): ((heard: Heard) => void) | undefined {
    const heard = this.#heard;
    this.#heard = undefined;
    clearTimeout(this.#timer);
    return heard;
  }
}

function heardOf({ code, details, metadata }: Ending, response?: Buffer): Heard {
  const ended = { code, details: details ?? '', metadata: metadata ?? new Metadata() };
  return { status: ended as StatusObject, response, begun: response !== undefined, refused: false };
}
