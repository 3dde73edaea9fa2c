import { Code, ConnectError } from '@connectrpc/connect';
import * as connect from '@connectrpc/connect/protocol-connect';
import * as grpc from '@connectrpc/connect/protocol-grpc';
import * as web from '@connectrpc/connect/protocol-grpc-web';
import type { Request, Response } from '../http/request.ts';

/** How one protocol carries a single encoded message each way. */
export interface Wire {
  readonly timeoutHeader: string;
  readonly parseTimeout: typeof connect.parseTimeout;
  /** The message of a body. Throws ConnectError. */
  open(body: Buffer): Buffer;
  send(response: Response, headers: Record<string, string>, message: Uint8Array): void;
  fail(response: Response, headers: Record<string, string>, error: ConnectError): void;
}

const FRAME_BYTES = 5;

function unframe(body: Buffer): Buffer {
  const wrong = (what: string) => new ConnectError(what, Code.InvalidArgument);
  if (body.length < FRAME_BYTES) throw wrong('the body is no message');
  if (body[0] !== 0) throw wrong('the message has flags that its headers do not explain');
  if (body.readUInt32BE(1) !== body.length - FRAME_BYTES) throw wrong('the body is not one message');
  return body.subarray(FRAME_BYTES);
}

function frame(message: Uint8Array, flags = 0): Buffer {
  const framed = Buffer.allocUnsafe(FRAME_BYTES + message.length);
  framed[0] = flags;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, FRAME_BYTES);
  return framed;
}

function statusOf(error: ConnectError): Headers {
  const trailer = new Headers();
  grpc.setTrailerStatus(trailer, error);
  return trailer;
}

const OK = web.trailerSerialize(new Headers({ 'grpc-status': '0' }));
const OK_FRAME = frame(OK, web.trailerFlag);

const connectWire: Wire = {
  timeoutHeader: 'connect-timeout-ms',
  parseTimeout: connect.parseTimeout,
  open: (body) => body,
  send(response, headers, message) {
    response.writeHead(200, {
      ...headers,
      'content-type': 'application/proto',
      'content-length': String(message.length),
    });
    response.end(message);
  },
  fail(response, headers, error) {
    const body = connect.errorToJsonBytes(error, undefined);
    response.writeHead(connect.codeToHttpStatus(error.code), {
      ...headers,
      ...Object.fromEntries(error.metadata),
      'content-type': 'application/json',
    });
    response.end(body);
  },
};

const grpcWire: Wire = {
  timeoutHeader: 'grpc-timeout',
  parseTimeout: grpc.parseTimeout,
  open: unframe,
  send(response, headers, message) {
    response.writeHead(200, { ...headers, 'content-type': 'application/grpc+proto' });
    response.addTrailers({ 'grpc-status': '0' });
    response.end(frame(message));
  },
  fail(response, headers, error) {
    response.writeHead(200, { ...headers, 'content-type': 'application/grpc+proto' });
    // Node sends an empty body after headers: a status among these would be none to a client that keeps to the protocol.
    response.addTrailers(Object.fromEntries(statusOf(error)));
    response.end();
  },
};

const webWire: Wire = {
  ...grpcWire,
  send(response, headers, message) {
    response.writeHead(200, { ...headers, 'content-type': 'application/grpc-web+proto' });
    response.end(Buffer.concat([frame(message), OK_FRAME]));
  },
  fail(response, headers, error) {
    response.writeHead(200, { ...headers, 'content-type': 'application/grpc-web+proto' });
    response.end(frame(web.trailerSerialize(statusOf(error)), web.trailerFlag));
  },
};

const WIRES: Readonly<Record<string, Wire>> = {
  'application/proto': connectWire,
  'application/grpc': grpcWire,
  'application/grpc+proto': grpcWire,
  'application/grpc-web': webWire,
  'application/grpc-web+proto': webWire,
};

/** The wire of a request with one message that is neither compressed nor JSON; undefined for every other. */
export function wireOf({ method, headers, httpVersionMajor }: Request): Wire | undefined {
  if (method !== 'POST') return undefined;
  const wire = WIRES[headers['content-type'] ?? ''];
  // gRPC needs trailers.
  if (!wire || (wire === grpcWire && httpVersionMajor !== 2)) return undefined;
  const encoding = wire === connectWire ? headers['content-encoding'] : headers['grpc-encoding'];
  return encoding === undefined || encoding === 'identity' ? wire : undefined;
}
