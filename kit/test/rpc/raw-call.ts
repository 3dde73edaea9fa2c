import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';

export interface Answer {
  /** The response's bytes, undefined when there was an error. */
  readonly bytes?: Buffer | undefined;
  readonly error?: ServiceError | undefined;
}

/** A client that sends bytes as they are, with any headers. */
export function rawClient(target: string, options: Readonly<Record<string, number>> = {}) {
  const client = new Client(target, credentials.createInsecure(), { 'grpc.max_send_message_length': -1, ...options });
  const same = (bytes: Buffer) => bytes;
  const metadataOf = (headers: Readonly<Record<string, string>>) => {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    return metadata;
  };
  return {
    unary(path: string, request: Uint8Array, headers: Readonly<Record<string, string>> = {}, timeoutMs = 20_000) {
      return new Promise<Answer>((resolve) => {
        const deadline = Date.now() + timeoutMs;
        client.makeUnaryRequest(
          path,
          same,
          same,
          Buffer.from(request),
          metadataOf(headers),
          { deadline },
          (error, bytes) => resolve({ error: error ?? undefined, bytes }),
        );
      });
    },
    /** Reads a stream to its end, or to `limit` messages. */
    stream(
      path: string,
      request: Uint8Array,
      headers: Readonly<Record<string, string>> = {},
      { timeoutMs = 20_000, limit = Number.POSITIVE_INFINITY } = {},
    ) {
      return new Promise<Answer & { readonly messages: Buffer[] }>((resolve) => {
        const deadline = Date.now() + timeoutMs;
        const messages: Buffer[] = [];
        const call = client.makeServerStreamRequest(path, same, same, Buffer.from(request), metadataOf(headers), {
          deadline,
        });
        call.on('data', (message: Buffer) => {
          messages.push(message);
          if (messages.length >= limit) call.cancel();
        });
        call.on('error', (error: ServiceError) =>
          resolve({ messages, error: messages.length >= limit ? undefined : error }),
        );
        call.on('end', () => resolve({ messages }));
      });
    },
    close: () => client.close(),
  };
}
