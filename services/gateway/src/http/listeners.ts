import { once } from 'node:events';
import { createServer, type Server, STATUS_CODES } from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { Listener } from '@weft/kit/module';
import { clientAddress } from '../limits/address.ts';
import { createPlaces } from '../limits/connections.ts';
import type { Request, Response } from './request.ts';

export type Handle = (request: Request, response: Response) => void;

export interface ListenOptions {
  readonly host: string;
  readonly handle: Handle;
  readonly maxConnections: number;
  /** Of one address, or of the network that one IPv6 customer has. */
  readonly maxConnectionsEach: number;
  /** Milliseconds in which a request's headers, and its whole body, have to come. */
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  /** Milliseconds after which a connection that does nothing is closed. */
  readonly idleTimeout: number;
}

const MAX_HEADER_BYTES = 16_384;
const LOOK_MS = 1_000;

const http1Options = ({ headersTimeout, requestTimeout, idleTimeout }: ListenOptions) => ({
  maxHeaderSize: MAX_HEADER_BYTES,
  headersTimeout,
  requestTimeout,
  keepAliveTimeout: idleTimeout,
  connectionsCheckingInterval: LOOK_MS,
  insecureHTTPParser: false,
  requireHostHeader: true,
  joinDuplicateHeaders: false,
});

const http2Options = {
  settings: { maxConcurrentStreams: 100, maxHeaderListSize: MAX_HEADER_BYTES, enableConnectProtocol: false },
  maxHeaderListPairs: 100,
  maxSessionMemory: 10,
  maxOutstandingPings: 10,
  maxSettings: 32,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  // What resets more streams than this is not served any more (CVE-2023-44487).
  streamResetBurst: 200,
  streamResetRate: 33,
};

/** HTTP/1.1 in cleartext. */
export function listenHttp1(port: number, options: ListenOptions): Promise<Listener> {
  const server = createServer(http1Options(options), options.handle as never);
  boundHttp1(server);
  return open('http', server, port, options, () => server.closeIdleConnections());
}

/** HTTP/2 in cleartext, for those that know that it is. */
export function listenH2c(port: number, options: ListenOptions): Promise<Listener> {
  const server = http2.createServer(http2Options, options.handle as never);
  return open('grpc', server, port, options, followSessions(server, options));
}

/** Both over TLS, as the client chooses by ALPN. */
export function listenTls(
  port: number,
  { cert, key }: { cert: Buffer; key: Buffer },
  options: ListenOptions,
): Promise<Listener> {
  const server = http2.createSecureServer(
    {
      ...http1Options(options),
      ...http2Options,
      cert,
      key,
      allowHTTP1: true,
      handshakeTimeout: options.headersTimeout,
    },
    options.handle as never,
  );
  // Whoever chooses HTTP/1.1 is served as by the server above, on this one's behalf.
  boundHttp1(server as unknown as Server);
  return open('tls', server, port, options, followSessions(server, options));
}

/** What is no request, or not in time, by what Node calls it. */
const UNREADABLE: Readonly<Record<string, readonly [status: number, reason: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'HEADERS_TOO_LARGE'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'REQUEST_TOO_SLOW'],
};

function boundHttp1(server: Server): void {
  server.maxHeadersCount = 100;
  server.maxRequestsPerSocket = 10_000;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const [status, reason] = UNREADABLE[error.code ?? ''] ?? [400, 'MALFORMED'];
    const title = STATUS_CODES[status] ?? '';
    const type = `urn:weft:problem:${reason.toLowerCase().replaceAll('_', '-')}`;
    const body = JSON.stringify({ type, title, status, reason });
    const headers = `connection: close\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}`;
    socket.end(`HTTP/1.1 ${status} ${title}\r\n${headers}\r\n\r\n${body}`);
  });
}

/** Closes sessions that do nothing; gives what lets all of them end when theirs is done. */
function followSessions(server: http2.Http2Server | http2.Http2SecureServer, { idleTimeout }: ListenOptions) {
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session: http2.ServerHttp2Session) => {
    sessions.add(session);
    session.setTimeout(idleTimeout, () => session.close());
    session.once('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
  });
  server.on('sessionError', () => {});
  return () => {
    for (const session of sessions) session.close();
  };
}

async function open(
  name: string,
  server: NetServer,
  port: number,
  { host, maxConnections, maxConnectionsEach, headersTimeout }: ListenOptions,
  endIdle: () => void,
): Promise<Listener> {
  server.maxConnections = maxConnections;
  const sockets = new Set<Socket>();
  const take = createPlaces(maxConnectionsEach);
  server.on('connection', (socket: Socket) => {
    const leave = take(clientAddress(socket.remoteAddress, undefined, 0));
    if (!leave) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    // Who connects and says nothing is not waited for.
    const silent = setTimeout(() => {
      if (socket.bytesRead === 0) socket.destroy();
    }, headersTimeout);
    silent.unref();
    socket.once('close', () => {
      clearTimeout(silent);
      sockets.delete(socket);
      leave();
    });
    socket.on('error', () => socket.destroy());
  });
  server.listen(port, host);
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EADDRINUSE' ? new Error(`port ${port} on ${host} is in use`) : error;
  });
  let stopping: Promise<unknown> | undefined;
  const close = () => {
    stopping ??= once(server, 'close');
    server.close();
    endIdle();
    return stopping;
  };
  return {
    name,
    port: (server.address() as AddressInfo).port,
    announceStop() {},
    async stop(graceMs) {
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await close();
      clearTimeout(cut);
    },
  };
}
