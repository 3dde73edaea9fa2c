import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { services } from '@weft/all/services';
import { freePort } from '@weft/kit/testing';
import type { Mode } from './shop.ts';

const SOURCE = join(import.meta.dirname, '../../services/all/src');
const MAINS = {
  all: join(SOURCE, 'main.ts'),
  split: join(SOURCE, 'split.ts'),
  observed: join(import.meta.dirname, '../../scripts/observed.ts'),
};

interface ShopProcessOptions {
  /** `npm start`, `npm run start:split` or `npm run start:observed`. */
  readonly mode?: Mode | 'observed';
  readonly env?: Readonly<Record<string, string>>;
}

/** A shop as `npm start`, `start:split` or `start:observed` runs it, on a data folder of its own. */
export async function shopProcess(dataFolder: string, { mode = 'all', env: extra = {} }: ShopProcessOptions = {}) {
  const main = MAINS[mode];
  const names = services.map(({ spec }) => spec.name);
  const ports = new Map(await Promise.all(names.map(async (name) => [name, await freePort()] as const)));
  const opsPorts = new Map(await Promise.all(names.map(async (name) => [name, await freePort()] as const)));
  const own: [string, string][] = names.flatMap((name): [string, string][] => [
    [`${name.toUpperCase()}_GRPC_PORT`, String(ports.get(name))],
    [`${name.toUpperCase()}_OPS_PORT`, String(opsPorts.get(name))],
  ]);
  const gatewayPort = await freePort();
  own.push(['GATEWAY_HTTP_PORT', String(gatewayPort)]);
  const { DATABASE_URL: _, TARGET: __, ...inherited } = process.env;
  const opsPort = String(opsPorts.get('users'));
  const env = { ...inherited, WEFT_DATA: dataFolder, OPS_PORT: opsPort, ...Object.fromEntries(own), ...extra };
  let child: ChildProcess | undefined;
  let output = '';
  const exited = async (): Promise<number | null> => {
    if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child?.exitCode ?? null;
  };
  return {
    target: (service: string) => `127.0.0.1:${ports.get(service)}`,
    gateway: `http://127.0.0.1:${gatewayPort}`,
    output: () => output,
    pid: () => child?.pid,
    /** For other processes of the same shop. */
    environment: env,
    /** @param shell runs it in a shell, as npm does; signals then go to the shell */
    async start({ shell = false } = {}): Promise<void> {
      const command = shell ? ['sh', '-c', `"${process.execPath}" "${main}"; true`] : [process.execPath, main];
      const started = spawn(command[0] as string, command.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] });
      child = started;
      output = '';
      started.stderr.on('data', (chunk) => (output += String(chunk)));
      await new Promise<void>((resolve, reject) => {
        started.stdout.on('data', (chunk) => {
          output += String(chunk);
          if (output.includes('ready after')) resolve();
        });
        started.once('close', (code) => reject(new Error(`exited with ${code}: ${output}`)));
      });
    },
    /** Resolves to the exit code when it has ended; null when it was killed. */
    exited,
    async kill(): Promise<void> {
      child?.kill('SIGKILL');
      await exited();
    },
    /** Processes of the services in split mode, by name. */
    serviceProcesses(): Map<string, number> {
      const { stdout } = spawnSync('ps', ['-A', '-ww', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' });
      const found = stdout.split('\n').flatMap((line): [string, number][] => {
        const [, pid, parent, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
        const [, service] = /services\/([a-z-]+)\/src\/main\.ts$/.exec(args) ?? [];
        return service && Number(parent) === child?.pid ? [[service, Number(pid)]] : [];
      });
      return new Map(found);
    },
    /** Asks it to stop, as Ctrl-C does. Gives the exit code and how long it took, in milliseconds. */
    async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<{ code: number | null; took: number }> {
      const began = performance.now();
      child?.kill(signal);
      return { code: await exited(), took: performance.now() - began };
    },
  };
}
