import { decodeJwt } from 'jose';
import { type RoleName, type ServiceBinding, startGrpcServer, type User } from '../rpc/index.ts';
import { createLogger, createTracing } from '../telemetry/index.ts';

/** A stand-in for a service that does not run here. */
export interface ServedStub {
  readonly target: string;
  readonly port: number;
  /** Cuts the calls in hand. */
  stop(): Promise<void>;
}

/** Serves a stub's handlers over real gRPC, with the contract's own rules; a token is believed as it is. */
export async function serveStub(service: string, binding: ServiceBinding, port = 0): Promise<ServedStub> {
  const server = await startGrpcServer({
    host: '127.0.0.1',
    port,
    services: [binding],
    concerns: {
      service,
      verifyToken: userOf,
      tracing: createTracing({ service, version: '0', ratio: 0, endpoint: '' }),
      observers: [],
      now: Date.now,
    },
    checks: {},
    logger: createLogger({ level: 'silent', pretty: false }),
  });
  await server.serve();
  return { target: `127.0.0.1:${server.port}`, port: server.port, stop: () => server.stop(0) };
}

function userOf(token: string): User {
  if (token.split('.').length !== 3) return { id: 'somebody', roles: [] };
  const { sub = 'somebody', roles = [] } = decodeJwt<{ roles?: RoleName[] }>(token);
  return { id: sub, roles };
}
