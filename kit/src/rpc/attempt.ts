import { constants } from 'node:http2';
import { type ChannelInterface, Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { type Asked, type Cancel, type Heard, metadataOf } from './asked.ts';
import type { Connection, Connections } from './connections.ts';
import { MAX_MESSAGE_BYTES } from './limits.ts';
import type { LocalServers } from './local-calls.ts';

/** Where calls go. */
export interface Line {
  readonly channel: ChannelInterface;
  readonly connections: Connections;
  /** What calls name as their host. */
  readonly authority: string;
  readonly local?: LocalServers | undefined;
}

/**
 * One unary call: straight to who serves it in this process, or on a connection that is ready, and else on the channel, which waits for
 * one. The channel's own way through filters, retries and queues takes a third of what a call costs.
 */
export function attempt(line: Line, asked: Asked, heard: (heard: Heard) => void): Cancel {
  const left = asked.deadline - Date.now();
  const usual = left > 0 && left <= LONGEST_MS && asked.message.length <= MAX_MESSAGE_BYTES;
  const local = usual ? line.local?.at(line.authority)?.call(asked, left, heard) : undefined;
  if (local) return local;
  const connection = usual ? line.connections.next() : undefined;
  return (
    (connection && overConnection(connection, line.authority, asked, left, heard)) ?? overChannel(line, asked, heard)
  );
}

/** No longer is a timeout that a header has in milliseconds, or than a timer of Node runs. */
const LONGEST_MS = 99_999_999;
const PREFIX_BYTES = 5;

/** Undefined where the connection has ended meanwhile. */
function overConnection(
  { on, started, ended }: Connection,
  authority: string,
  { path, message, headers }: Asked,
  left: number,
  heard: (heard: Heard) => void,
): Cancel | undefined {
  const metadata = new ReadyMetadata({ ...headers, 'grpc-timeout': `${Math.ceil(left)}m` });
  const answer = new Answer(ended, heard);
  let call: ReturnType<Connection['on']['createCall']>;
  try {
    call = on.createCall(metadata, authority, path, answer);
  } catch {
    return undefined;
  }
  started?.();
  const cancel: Cancel = (code, details) => call.cancelWithStatus(code, details);
  answer.begin(cancel, left);
  call.startRead();
  call.sendMessageWithContext({}, framed(message));
  call.halfClose();
  return cancel;
}

type Listener = Parameters<Connection['on']['createCall']>[3];

/**
 * What comes of a call. It has nothing left of it when it has ended: Node's streams live until the next full collection, with all
 * that listens to them.
 */
class Answer implements Listener {
  #ended: Connection['ended'] | undefined;
  #heard: ((heard: Heard) => void) | undefined;
  #cancel: Cancel | undefined;
  #timer: NodeJS.Timeout | undefined;
  #response: Buffer | undefined;
  #begun = false;

  constructor(ended: Connection['ended'], heard: (heard: Heard) => void) {
    this.#ended = ended;
    this.#heard = heard;
  }

  /** @param left milliseconds */
  begin(cancel: Cancel, left: number): void {
    this.#cancel = cancel;
    this.#timer = setTimeout(() => cancel(status.DEADLINE_EXCEEDED, 'the deadline passed'), left);
  }

  onReceiveMetadata(): void {
    this.#begun = true;
  }

  onReceiveMessage(framed: Buffer): void {
    if (framed[0] !== 0) this.#cancel?.(status.INTERNAL, 'the response is compressed, which was not asked for');
    else this.#response = framed.subarray(PREFIX_BYTES);
  }

  onReceiveStatus(ending: Parameters<Listener['onReceiveStatus']>[0]): void {
    const [ended, heard, response] = [this.#ended, this.#heard, this.#response];
    clearTimeout(this.#timer);
    this.#ended = this.#heard = this.#cancel = this.#timer = this.#response = undefined;
    ended?.(ending.code, ending.details, ending.metadata);
    const refused = ending.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    heard?.({ status: ending, response, begun: this.#begun, refused });
  }
}

/** Headers as they are sent: names in lower case, values in ASCII. */
class ReadyMetadata extends Metadata {
  readonly #headers: Record<string, string>;

  constructor(headers: Record<string, string>) {
    super();
    this.#headers = headers;
  }

  override toHttp2Headers(): Record<string, string> {
    return this.#headers;
  }
}

function framed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

function overChannel(
  { channel }: Line,
  { path, message, headers, deadline }: Asked,
  heard: (heard: Heard) => void,
): Cancel {
  let begun = false;
  let response: Buffer | undefined;
  const call = channel.createCall(path, deadline, null, null, undefined);
  call.start(metadataOf(headers), {
    onReceiveMetadata() {
      begun = true;
    },
    onReceiveMessage(received: Buffer) {
      response = received;
    },
    // What was refused it has sent again itself.
    onReceiveStatus: (ending: StatusObject) => heard({ status: ending, response, begun, refused: false }),
  });
  call.startRead();
  call.sendMessageWithContext({}, message);
  call.halfClose();
  return (code, details) => call.cancelWithStatus(code, details);
}
