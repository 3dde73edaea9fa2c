import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { checkHealth } from '../src/system/health.ts';
import { gatewayAt, SERVICES, type Targets } from '../src/system/targets.ts';

const MAIN = resolve(import.meta.dirname, '../src/main.ts');
const SYSTEM = resolve(import.meta.dirname, '../../../services/all/src/main.ts');
/** The id of nothing. */
export const NOBODYS = '00000000-0000-4000-8000-000000000000';
/** This process's environment, without what leads commands to a system that is somebody else's. */
export const plain: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^WEFT_|_TARGET$|_PORT$/.test(name)),
);
const QUIET = '--disable-warning=ExperimentalWarning';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in a process of its own, as a person would. */
export function weft(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): { child: ChildProcess; ended: Promise<Outcome> } {
  const child = spawn(process.execPath, [QUIET, MAIN, ...args], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([stdout, stderr, [code]]) => {
      return { code: code as number | null, stdout, stderr };
    },
  );
  return { child, ended };
}

/** How many ports a system takes. */
export const PORTS: number = SERVICES.length + 3;

/** A system in a process of its own, which can be killed and started again at the same ports on the same data. */
export function systemAt([opsPort, gatewayGrpc, gatewayHttp = 0, ...ports]: readonly number[], dataFolder: string) {
  const own = SERVICES.map((service, index): [string, string] => [
    `${service.toUpperCase()}_GRPC_PORT`,
    String(ports[index]),
  ]);
  const targets = Object.fromEntries(
    SERVICES.map((service, index) => [service, `127.0.0.1:${ports[index]}`]),
  ) as Targets;
  const named = SERVICES.map((service): [string, string] => [`${service.toUpperCase()}_TARGET`, targets[service]]);
  let child: ChildProcess | undefined;
  const environment: NodeJS.ProcessEnv = {
    ...plain,
    WEFT_OPS_URLS: `http://127.0.0.1:${opsPort}`,
    ...Object.fromEntries(named),
    WEFT_GATEWAY_URL: gatewayAt(gatewayHttp),
    WEFT_DATA: dataFolder,
  };
  const run = (args: readonly string[], env = environment) => weft(args, env).ended;
  return {
    /** For commands that are to use it. */
    environment,
    /** Runs a command that uses it. */
    run,
    /** The same with --json, and what that printed. */
    async json(...args: readonly string[]) {
      const { code, stdout, stderr } = await run([...args, '--json']);
      return { code, stderr, result: stdout === '' ? undefined : JSON.parse(stdout) };
    },
    async start() {
      const env = {
        ...plain,
        ...Object.fromEntries(own),
        OPS_PORT: String(opsPort),
        GATEWAY_GRPC_PORT: String(gatewayGrpc),
        GATEWAY_HTTP_PORT: String(gatewayHttp),
        WEFT_DATA: dataFolder,
      };
      child = spawn(process.execPath, [QUIET, SYSTEM], { env, stdio: ['ignore', 'ignore', 'inherit'] });
      const { exitCode } = child;
      while (exitCode === null && (await checkHealth(targets, 1000)).some(({ health }) => health !== 'SERVING'))
        await delay(50);
    },
    async end(signal: 'SIGTERM' | 'SIGKILL') {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    },
  };
}
