import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { services } from '@weft/all/services';
import { freePort } from '@weft/kit/testing';

const MAIN = join(import.meta.dirname, '../../services/all/src/main.ts');

/** The all-in-one process as `npm start` runs it, on a data folder of its own. */
export async function shopProcess(dataFolder: string, extra: Readonly<Record<string, string>> = {}) {
  const names = services.map(({ spec }) => spec.name);
  const ports = new Map(await Promise.all(names.map(async (name) => [name, await freePort()] as const)));
  const own = Object.fromEntries([...ports].map(([name, port]) => [`${name.toUpperCase()}_GRPC_PORT`, String(port)]));
  const { DATABASE_URL: _, ...inherited } = process.env;
  const env = { ...inherited, WEFT_DATA: dataFolder, OPS_PORT: String(await freePort()), ...own, ...extra };
  let child: ChildProcess | undefined;
  let output = '';
  return {
    target: (service: string) => `127.0.0.1:${ports.get(service)}`,
    output: () => output,
    /** @param shell runs it in a shell, as npm does; signals then go to the shell */
    async start({ shell = false } = {}): Promise<void> {
      const command = shell ? ['sh', '-c', `"${process.execPath}" "${MAIN}"; true`] : [process.execPath, MAIN];
      const started = spawn(command[0] as string, command.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] });
      child = started;
      output = '';
      started.stderr.on('data', (chunk) => (output += String(chunk)));
      await new Promise<void>((resolve, reject) => {
        started.stdout.on('data', (chunk) => {
          output += String(chunk);
          if (output.includes('ready after')) resolve();
        });
        started.once('exit', (code) => reject(new Error(`exited with ${code}: ${output}`)));
      });
    },
    /** Resolves to the exit code when it has ended. */
    async exited(): Promise<number | null> {
      const [code] = child && child.exitCode === null ? await once(child, 'exit') : [child?.exitCode ?? null];
      return code;
    },
    async kill(): Promise<void> {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
    /** Asks it to stop, as Ctrl-C does. Gives the exit code and how long it took, in milliseconds. */
    async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<{ code: number | null; took: number }> {
      const began = performance.now();
      child?.kill(signal);
      const [code] = child && child.exitCode === null ? await once(child, 'exit') : [child?.exitCode ?? null];
      return { code, took: performance.now() - began };
    },
  };
}
