import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandFailure } from '../shop/failure.ts';
import { dataFolder, PROJECT } from './admin.ts';
import { freePorts } from './free-ports.ts';
import { checkHealth } from './health.ts';
import { gatewayAt, SERVICES, type ServiceName, type Targets } from './targets.ts';

/** A system that runs for one command. */
export interface EmbeddedSystem {
  readonly targets: Targets;
  readonly gateway: string;
  readonly dataFolder: string;
  /** Aborted, with the reason, when the system ends by itself. */
  readonly ended: AbortSignal;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 10_000;
const READY_PAUSE_MS = 2000;
const SERVING_PAUSE_MS = 50;
const HEALTH_TIMEOUT_MS = 1000;

// The system gets its input from us and never any text: its end says that we are gone, however that came about.
const STOP_WITH_PARENT =
  'data:text/javascript,process.stdin.on("end",()=>process.kill(process.pid,"SIGTERM")).on("error",()=>{}).resume()';

/**
 * Starts every service in a process of its own on free ports, and waits until all of them serve. The process is in its own
 * process group, so that Ctrl-C reaches this one first. Throws CommandFailure with its error line when it does not start.
 */
export async function startEmbedded(environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<EmbeddedSystem> {
  const folder = dataFolder(environment);
  const [opsPort, gatewayGrpc, gatewayHttp = 0, ...ports] = await freePorts(SERVICES.length + 3);
  const targets = Object.fromEntries(
    SERVICES.map((service, index) => [service, `127.0.0.1:${ports[index]}`]),
  ) as Targets;
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import', STOP_WITH_PARENT, join(PROJECT, 'services/all/src/main.ts')],
    {
      cwd: PROJECT,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...childEnvironment(environment, folder, opsPort, ports),
        GATEWAY_GRPC_PORT: `${gatewayGrpc}`,
        GATEWAY_HTTP_PORT: `${gatewayHttp}`,
      },
    },
  );
  const ready = new AbortController();
  const lines = keepLast(child, (line) => {
    if (/\bready\b/.test(line)) ready.abort();
  });
  const ended = new AbortController();
  child.stdin?.on('error', () => {});
  child.once('error', (error) => ended.abort(new CommandFailure(`the system cannot be started: ${error.message}`)));
  child.once('close', (code, killed) => {
    const line = lines().findLast((text) => text.startsWith('weft: ')) ?? lines().at(-1) ?? '';
    const why = line === '' ? `it ended with ${killed ?? `exit code ${code}`}` : line.replace(/^weft: /, '');
    ended.abort(new CommandFailure(`the embedded system: ${why}`));
  });
  const stop = () => stopChild(child);
  try {
    await untilServing(targets, ready.signal, AbortSignal.any([ended.signal, signal]));
  } catch (error) {
    await stop();
    throw error;
  }
  return { targets, gateway: gatewayAt(gatewayHttp), dataFolder: folder, ended: ended.signal, stop };
}

function childEnvironment(
  environment: NodeJS.ProcessEnv,
  folder: string,
  opsPort = 0,
  ports: readonly number[],
): NodeJS.ProcessEnv {
  const own = Object.fromEntries(
    SERVICES.map((service, index) => [`${service.toUpperCase()}_GRPC_PORT`, `${ports[index]}`]),
  );
  // It runs every service, here.
  const elsewhere = new Set(['TARGET', ...SERVICES.map((service: ServiceName) => `${service.toUpperCase()}_TARGET`)]);
  const inherited = Object.entries(environment).filter(([name]) => !elsewhere.has(name));
  return { LOG_LEVEL: 'warn', ...Object.fromEntries(inherited), ...own, OPS_PORT: `${opsPort}`, WEFT_DATA: folder };
}

/** Asks for health once the system says that it is ready; now and then before, should it not say so. */
async function untilServing(targets: Targets, ready: AbortSignal, signal: AbortSignal): Promise<void> {
  const until = performance.now() + START_LIMIT_MS;
  while (performance.now() < until) {
    const pause = ready.aborted ? SERVING_PAUSE_MS : READY_PAUSE_MS;
    const waiting = ready.aborted ? signal : AbortSignal.any([ready, signal]);
    await delay(pause, undefined, { signal: waiting }).catch(() => {});
    signal.throwIfAborted();
    const answers = await checkHealth(targets, HEALTH_TIMEOUT_MS);
    if (answers.every(({ health }) => health === 'SERVING')) return;
  }
  signal.throwIfAborted();
  throw new CommandFailure(`the embedded system did not serve within ${START_LIMIT_MS / 1000} s`);
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = once(child, 'exit');
  child.kill('SIGTERM');
  const cut = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await closed;
  clearTimeout(cut);
}

/** Reads what the system prints, so that it never waits for a reader, and keeps the last lines. */
function keepLast(child: ChildProcess, onLine: (line: string) => void): () => readonly string[] {
  const kept: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      onLine(line);
      if (line.trim() !== '') kept.push(line);
      if (kept.length > 50) kept.shift();
    });
  }
  return () => kept;
}
