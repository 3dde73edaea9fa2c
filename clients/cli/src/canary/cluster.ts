import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { CommandFailure } from '../shop/failure.ts';

/** Where pods are, and the command that knows them. */
export interface Namespace {
  readonly kubectl: string;
  readonly namespace: string;
  /** Of kubectl; its current one where absent. */
  readonly context?: string | undefined;
}

/** Where a release is, and the commands that know it. */
export interface Place extends Namespace {
  readonly helm: string;
}

export interface Pod {
  readonly name: string;
  readonly track: string;
  readonly ready: boolean;
  readonly restarts: number;
}

const FORWARD_MS = 15_000;
const SCRAPE_MS = 5_000;

/** What a command writes. Throws CommandFailure with what it complains of, or when it takes longer than `withinMs`. */
export async function runCommandLine(command: string, args: readonly string[], withinMs: number): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: withinMs });
  const started = new Promise<never>((_, reject) => {
    child.once('error', (error) => reject(new CommandFailure(`${command}: ${error.message}`)));
  });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  const [stdout, stderr, [code, signal]] = await Promise.race([ended, started]);
  if (code === 0) return stdout;
  const why = signal ? `not done within ${withinMs / 1000} s` : stderr.trim();
  throw new CommandFailure(`${command} ${args[0]}: ${why}`);
}

interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly name: string; readonly restartCount: number }[];
  };
}

const inNamespace = ({ namespace, context }: Namespace): string[] => [
  ...(context === undefined ? [] : ['--context', context]),
  '--namespace',
  namespace,
];

/** The pods of a service, or of all, that are not going, of both tracks. */
export async function podsOf(place: Namespace, service?: string): Promise<Pod[]> {
  const label = `${service === undefined ? '' : `app.kubernetes.io/name=${service},`}weft.dev/track`;
  const args = [...inNamespace(place), 'get', 'pods', '--selector', label, '--output', 'json'];
  const { items } = JSON.parse(await runCommandLine(place.kubectl, args, SCRAPE_MS * 4)) as { items: PodObject[] };
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata, status }) => ({
      name: metadata.name,
      track: metadata.labels['weft.dev/track'] ?? '',
      ready: status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
      restarts:
        status.containerStatuses?.find(({ name }) => name === metadata.labels['app.kubernetes.io/name'])
          ?.restartCount ?? 0,
    }));
}

/** A way to the ops port of a pod: past its sidecar, which lets nobody in who has no certificate. */
export interface OpsPort {
  readonly pod: Pod;
  /** `http://127.0.0.1:PORT`, as long as it is open. */
  readonly url: string;
  /** Text of /metrics; undefined when the pod does not answer. */
  metrics(): Promise<string | undefined>;
  close(): void;
}

export async function openOpsPort(place: Namespace, pod: Pod, port: number): Promise<OpsPort> {
  const args = [...inNamespace(place), 'port-forward', `pod/${pod.name}`, `:${port}`, '--address', '127.0.0.1'];
  const child = spawn(place.kubectl, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const origin = await forwardedTo(child).catch((error: Error) => {
    child.kill();
    throw new CommandFailure(`${pod.name}: ${error.message}`);
  });
  return {
    pod,
    url: origin,
    async metrics() {
      try {
        const response = await fetch(`${origin}/metrics`, { signal: AbortSignal.timeout(SCRAPE_MS) });
        return response.ok ? await response.text() : undefined;
      } catch {
        return undefined;
      }
    },
    close: () => void child.kill(),
  };
}

function forwardedTo(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no way to its ops port')), FORWARD_MS);
    let complaint = '';
    child.stderr?.on('data', (chunk) => {
      complaint = `${complaint}${chunk}`.slice(-500);
    });
    child.stdout?.on('data', (chunk) => {
      const [, address] = /Forwarding from (127\.0\.0\.1:\d+)/.exec(String(chunk)) ?? [];
      if (!address) return;
      clearTimeout(timer);
      resolve(`http://${address}`);
    });
    const fail = (error?: Error) => {
      clearTimeout(timer);
      reject(error ?? new Error(complaint.trim()));
    };
    child.once('error', fail);
    child.once('exit', () => fail());
  });
}
