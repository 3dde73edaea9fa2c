import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';

/** What a call ended with: nothing where it was a response. */
export interface Answer {
  readonly error?: ServiceError | undefined;
}

type Headers = Readonly<Record<string, string>>;

/** A client that sends bytes as they are. */
export function rawClient(target: string) {
  const client = new Client(target, credentials.createInsecure(), { 'grpc.max_send_message_length': -1 });
  const same = (bytes: Buffer) => bytes;
  const metadataOf = (headers: Headers) => {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    return metadata;
  };
  return {
    unary(path: string, request: Uint8Array, headers: Headers, timeoutMs: number) {
      return new Promise<Answer>((resolve) => {
        const deadline = Date.now() + timeoutMs;
        client.makeUnaryRequest(path, same, same, Buffer.from(request), metadataOf(headers), { deadline }, (error) =>
          resolve({ error: error ?? undefined }),
        );
      });
    },
    /** Leaves a stream with its first message, or when it has had nothing to say for a second. */
    firstOf(path: string, request: Uint8Array, headers: Headers, timeoutMs: number) {
      return new Promise<Answer>((resolve) => {
        const deadline = Date.now() + timeoutMs;
        const call = client.makeServerStreamRequest(path, same, same, Buffer.from(request), metadataOf(headers), {
          deadline,
        });
        let left = false;
        const leave = () => {
          left = true;
          call.cancel();
        };
        const silent = setTimeout(leave, 1000);
        const end = (error?: ServiceError) => {
          clearTimeout(silent);
          resolve({ error: left ? undefined : error });
        };
        call.on('data', leave);
        call.on('error', end);
        call.on('end', end);
      });
    },
    close: () => client.close(),
  };
}
