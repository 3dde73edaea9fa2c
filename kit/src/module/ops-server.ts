import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { HealthState } from '../rpc/index.ts';
import { LOG_LEVELS, type LogLevel, type Metrics } from '../telemetry/index.ts';

/** Answers a GET with JSON. */
export type OpsRoute = () => Promise<unknown>;

export interface OpsServer {
  readonly port: number;
  /** Health by service, for /readyz. */
  readonly health: Map<string, () => HealthState>;
  readonly routes: Map<string, OpsRoute>;
  /** Everything has been started: /startupz says so from now on, and /readyz may. */
  started(): void;
  /** Is told of a POST to /log-level from this machine. */
  onLogLevel(change: (level: LogLevel) => void): void;
  stop(): Promise<void>;
}

/** The process's port for people and machines that run it: /livez, /readyz, /startupz, /metrics and what is added. */
export async function startOpsServer(host: string, port: number, metrics: Metrics): Promise<OpsServer> {
  const health: OpsServer['health'] = new Map();
  const routes: OpsServer['routes'] = new Map<string, OpsRoute>([
    ['/livez', async () => ({ status: 'ok' })],
    ['/readyz', async () => Object.fromEntries([...health].map(([service, state]) => [service, state()]))],
  ]);
  let started = false;
  let changeLevel: (level: LogLevel) => void = () => {};
  routes.set('/startupz', async () => ({ status: started ? 'ok' : 'starting' }));
  const server = createServer({ requestTimeout: 5000, headersTimeout: 5000 }, (request, response) => {
    const path = request.url?.split('?')[0] ?? '/';
    if (path === '/log-level') return logLevel(request, response, (level) => changeLevel(level));
    if (path === '/startupz' && !started) return send(response, 503, { status: 'starting' });
    const isReady = () => path !== '/readyz' || (started && [...health.values()].every((state) => state().serving));
    const answered =
      path === '/metrics' ? metrics.scrape(request, response) : answer(request, response, routes.get(path), isReady);
    answered.catch(() => send(response, 500, { error: 'internal error' }));
  });
  server.maxConnections = 100;
  await listen(server, host, port);
  return {
    port: (server.address() as { port: number }).port,
    health,
    routes,
    started: () => {
      started = true;
    },
    onLogLevel: (change) => {
      changeLevel = change;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

/**
 * Changes how much is logged. From this machine only, wherever the port listens (in a cluster by `kubectl exec` or `port-forward`),
 * and not for a web page that is open on it.
 */
function logLevel(request: IncomingMessage, response: ServerResponse, change: (level: LogLevel) => void): void {
  if (request.method !== 'POST') return send(response, 405, { error: 'only POST' });
  if (!LOOPBACK.has(request.socket.remoteAddress ?? ''))
    return send(response, 403, { error: 'only from this machine' });
  if (isOfPage(request)) return send(response, 403, { error: 'not from a web page' });
  if (!isAddress(request.headers.host)) return send(response, 403, { error: 'only at localhost or an IP address' });
  const wanted = new URLSearchParams(request.url?.split('?')[1]).get('level');
  const level = LOG_LEVELS.find((one) => one === wanted);
  if (!level) return send(response, 400, { error: `level must be one of ${LOG_LEVELS.join(', ')}` });
  change(level);
  send(response, 200, { level });
}

function isOfPage({ headers }: IncomingMessage): boolean {
  return headers.origin !== undefined || (headers['sec-fetch-site'] ?? 'none') !== 'none';
}

/** Any other name may be one that leads a page of somebody else's here. */
function isAddress(host = ''): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || isIP(name) !== 0;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  route: OpsRoute | undefined,
  isReady: () => boolean,
): Promise<void> {
  if (!route) return send(response, 404, { error: 'no such page' });
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, { error: 'only GET' });
  send(response, isReady() ? 200 : 503, await route());
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
