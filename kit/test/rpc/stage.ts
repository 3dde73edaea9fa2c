import type { DescService } from '@bufbuild/protobuf';
import { afterEach } from '@jest/globals';
import {
  accessLog,
  type CallerIdentity,
  type ClientOf,
  type ClientOptions,
  callSpans,
  createClient,
  createTokenVerifier,
  type GeneratedService,
  type GrpcServer,
  type HandlersOf,
  type HealthCheck,
  LocalServers,
  type Observer,
  type ServiceBinding,
  serveService,
  startGrpcServer,
} from '@weft/kit/rpc';
import { createLogger, createTracing, type Tracing } from '@weft/kit/telemetry';
import { some } from '@weft/kit/testing';

type Processor = NonNullable<Parameters<typeof createTracing>[0]['processor']>;
export type RecordedSpan = Parameters<Processor['onEnd']>[0];
export type LogLine = Readonly<Record<string, unknown>>;

/** Spans kept in memory. */
export function recordingTracing(service = 'test', ratio = 1): { tracing: Tracing; spans: RecordedSpan[] } {
  const spans: RecordedSpan[] = [];
  const none = async () => {};
  const processor: Processor = {
    onStart() {},
    onEnd: (span) => void spans.push(span),
    forceFlush: none,
    shutdown: none,
  };
  return { tracing: createTracing({ service, version: '1', ratio, endpoint: '', processor }), spans };
}

export interface ServeOptions {
  readonly host?: string;
  readonly jwksUrl?: string;
  readonly identify?: CallerIdentity;
  readonly checks?: Readonly<Record<string, HealthCheck>>;
  readonly observers?: readonly Observer[];
  readonly now?: () => number;
}

export interface Served {
  readonly server: GrpcServer;
  /** host:port. */
  readonly target: string;
  /** Log lines as they were written. */
  readonly lines: string[];
  logs(): LogLine[];
  readonly spans: RecordedSpan[];
  readonly tracing: Tracing;
}

let local: LocalServers | undefined;

/** From now on, in this test file, clients call what their own process serves without a connection. */
export function callWithinProcess(): void {
  local = new LocalServers();
}

/** Servers and clients over loopback that are gone after each test. Call it once a file. */
export function stage() {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function serve(services: readonly ServiceBinding[], options: ServeOptions = {}): Promise<Served> {
    const { host = '127.0.0.1', jwksUrl = 'http://127.0.0.1:9/none', checks = {}, now = Date.now } = options;
    const lines: string[] = [];
    const logger = createLogger({ level: 'debug', pretty: false, write: (line) => void lines.push(line) });
    const { tracing, spans } = recordingTracing();
    const server = await startGrpcServer({
      host,
      port: 0,
      services,
      concerns: {
        service: 'test',
        verifyToken: createTokenVerifier({ jwksUrl, issuer: 'weft', audience: 'weft', now }),
        ...(options.identify && { identify: options.identify }),
        tracing,
        observers: [accessLog(logger), callSpans(tracing), ...(options.observers ?? [])],
        now,
      },
      checks,
      local,
      logger,
    });
    closing.push(() => server.stop(1000));
    await server.serve();
    const logs = () => lines.map((line) => JSON.parse(line) as LogLine);
    return { server, target: `127.0.0.1:${server.port}`, lines, logs, spans, tracing };
  }

  return {
    /** Undone after the test, last first. */
    after: (close: () => unknown) => void closing.push(close),
    serve,
    /** Serves one service by the handlers that it needs. */
    serveOne<S extends GeneratedService>(
      generated: S,
      descriptor: DescService,
      handlers: Partial<HandlersOf<S>>,
      options?: ServeOptions,
    ): Promise<Served> {
      return serve([serveService(generated, descriptor, some(generated, handlers))], options);
    },
    client<S extends GeneratedService>(
      generated: S,
      descriptor: DescService,
      options: Partial<ClientOptions> & Pick<ClientOptions, 'target'>,
    ): ClientOf<S> {
      const client = createClient(generated, descriptor, {
        tracing: recordingTracing().tracing,
        retries: false,
        local,
        ...options,
      });
      closing.push(() => client.close());
      return client;
    },
  };
}

/** A promise that is settled from outside. */
export function gate<T = void>() {
  return Promise.withResolvers<T>();
}

/** Resolves when the signal has fired. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return Promise.resolve(signal.reason);
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }));
}
