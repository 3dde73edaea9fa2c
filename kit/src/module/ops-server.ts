import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { HealthState } from '../rpc/index.ts';
import type { Metrics } from '../telemetry/index.ts';

/** Answers a GET with JSON. */
export type OpsRoute = () => Promise<unknown>;

export interface OpsServer {
  readonly port: number;
  /** Health by service, for /readyz. */
  readonly health: Map<string, () => HealthState>;
  readonly routes: Map<string, OpsRoute>;
  stop(): Promise<void>;
}

/** The process's port for people and machines that run it: /livez, /readyz, /metrics and what is added. */
export async function startOpsServer(host: string, port: number, metrics: Metrics): Promise<OpsServer> {
  const health: OpsServer['health'] = new Map();
  const routes: OpsServer['routes'] = new Map<string, OpsRoute>([
    ['/livez', async () => ({ status: 'ok' })],
    ['/readyz', async () => Object.fromEntries([...health].map(([service, state]) => [service, state()]))],
  ]);
  const server = createServer({ requestTimeout: 5000, headersTimeout: 5000 }, (request, response) => {
    const path = request.url?.split('?')[0] ?? '/';
    if (path === '/metrics') return metrics.scrape(request, response);
    answer(request, response, routes.get(path), path, health).catch(() =>
      send(response, 500, { error: 'internal error' }),
    );
  });
  server.maxConnections = 100;
  await listen(server, host, port);
  return {
    port: (server.address() as { port: number }).port,
    health,
    routes,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  route: OpsRoute | undefined,
  path: string,
  health: OpsServer['health'],
): Promise<void> {
  if (!route) return send(response, 404, { error: 'no such page' });
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, { error: 'only GET' });
  const ready = path !== '/readyz' || [...health.values()].every((state) => state().serving);
  send(response, ready ? 200 : 503, await route());
}

function send(response: ServerResponse, code: number, body: unknown): void {
  if (!response.headersSent) response.writeHead(code, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new Error(`port ${port} on ${host} is in use (OPS_PORT)`) : error);
    });
    server.listen(port, host, resolve);
  });
}
