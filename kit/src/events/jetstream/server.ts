import type { NodeConnectionOptions } from '@nats-io/transport-node';
import { inboxOf } from './permissions.ts';

export interface ServerOptions {
  /** `nats://user:password@host:4222`, or `tls:`; several servers of one cluster are separated by commas. */
  readonly url: string;
  /** File with the certificates of those who may sign the server's. */
  readonly caFile?: string | undefined;
  /** Files with the certificate and the key that the client shows. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** How to reach the broker, and what may be told of it: never a password. */
export function serverOf({ url, caFile, certFile, keyFile }: ServerOptions): {
  connection: NodeConnectionOptions;
  address: string;
} {
  const urls = url.split(',').map((each) => new URL(each.trim()));
  const servers = urls.map(({ hostname, port }) => `${hostname}:${port || '4222'}`);
  const { username = '', password = '' } = urls[0] ?? {};
  const user = decodeURIComponent(username);
  const secured = urls.some(({ protocol }) => protocol === 'tls:') || caFile || certFile;
  return {
    address: servers.join(','),
    connection: {
      servers,
      ...(user && password && { user, pass: decodeURIComponent(password), inboxPrefix: inboxOf(user) }),
      ...(user && !password && { token: user }),
      ...(secured && {
        tls: { ...(caFile && { caFile }), ...(certFile && { certFile }), ...(keyFile && { keyFile }) },
      }),
    },
  };
}
