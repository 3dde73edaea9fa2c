import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { type Here, PORTS } from './observed-here.ts';
import { PROGRAMS } from './observed-programs.ts';

const STOP_MS = 5_000;

export interface PaneOptions {
  /** k8s/observability. */
  readonly stack: string;
  readonly folder: string;
  readonly opsPorts: readonly number[];
  /** PATH, and OBSERVED_*_PORT. */
  readonly environment: NodeJS.ProcessEnv;
  /** Told of each program that ends by itself. */
  readonly ended: (program: string, code: number | null) => void;
}

export interface Pane {
  /** Of each program, one line for people: where it is, or that it is not on the path. */
  readonly says: readonly string[];
  /** What the services need, to send spans there. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where their lines have to be written, as JSON; undefined where nobody reads them. */
  readonly linesFile: string | undefined;
  /** Resolves when all have ended: those that do not within five seconds are killed. */
  stop(): Promise<void>;
}

/** Starts what of the pane is on the path, on loopback, with its data in a folder. One that ends is not started again. */
export function startPane({ stack, folder, opsPorts, environment, ended }: PaneOptions): Pane {
  mkdirSync(folder, { recursive: true });
  const found = Object.fromEntries(
    PROGRAMS.flatMap(({ name, called, version }) => {
      const file = onPath(called, version, environment.PATH ?? '');
      return file ? [[name, file]] : [];
    }),
  );
  const ports = Object.fromEntries(
    Object.entries(PORTS).map(([name, port]) => [
      name,
      Number(environment[`OBSERVED_${name.toUpperCase()}_PORT`] || port),
    ]),
  ) as Here['ports'];
  const linesFile = join(folder, 'lines.json');
  const here: Here = { stack, folder, ports, found, linesFile, opsPorts };
  const running: ChildProcess[] = [];
  const endings: (() => void)[] = [];
  let readsLines = false;
  const says = PROGRAMS.map(({ name, shows, called, start }) => {
    const file = found[name];
    if (!file) return say(shows, `none: there is no ${called.join(' or ')} on the path`);
    const { commands, at, end, readsLines: reads = false } = start(file, here);
    if (end) endings.push(end);
    readsLines ||= reads;
    for (const { program, args, env } of commands) {
      const child = spawn(program, [...args], { cwd: folder, stdio: 'ignore', env: { ...environment, ...env } });
      child.on('error', () => ended(program, null));
      child.on('exit', (code) => ended(program, code));
      running.push(child);
    }
    return say(shows, at);
  });
  return {
    says,
    environment: found.otelcol || found.jaeger ? { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${ports.otlp}` } : {},
    linesFile: readsLines ? linesFile : undefined,
    async stop() {
      for (const end of endings) end();
      await Promise.all(running.map(stopped));
    },
  };
}

const say = (shows: string, text: string) => `  ${shows.padEnd(12)}${text}`;

/** The first of these names that is on the path and tells its version. */
function onPath(names: readonly string[], version: string, path: string): string | undefined {
  const folders = path.split(delimiter).filter(Boolean);
  const files = names.flatMap((name) => folders.map((folder) => resolve(folder, name)));
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
    } catch {
      return false;
    }
    return spawnSync(file, [version], { stdio: 'ignore', timeout: STOP_MS }).status === 0;
  });
}

function stopped(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    child.once('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
