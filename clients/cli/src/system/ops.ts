import { CommandFailure } from '../shop/failure.ts';
import { SERVICES } from './targets.ts';

/** What `npm run start:split` has a process of, in the order of their ops ports. */
export const RUNNING = [...SERVICES, 'gateway'] as const;

/** A service as its process tells of it. Sums are since its start. */
export interface ServiceStatus {
  readonly name: string;
  /** By name of the listener. */
  readonly ports: Readonly<Record<string, number>>;
  readonly serving?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly calls?: number;
  readonly failures?: number;
  readonly inFlight?: number;
  readonly outbox?: number;
  readonly lag?: number;
  readonly deadLetters?: number;
  readonly pending?: number;
}

export interface ProcessStatus {
  readonly url: string;
  readonly version: string;
  readonly pid: number;
  /** Seconds. */
  readonly uptime: number;
  readonly services: readonly ServiceStatus[];
}

const FIRST_PORT = 9464;
const TIMEOUT_MS = 2_000;

/** Where the processes of a system may have their ops ports: WEFT_OPS_URLS, else those of npm start and start:split. */
export function opsUrlsFrom(environment: NodeJS.ProcessEnv): readonly string[] {
  const named = environment.WEFT_OPS_URLS?.split(',').map((url) => url.trim().replace(/\/$/, ''));
  if (!named) {
    const first = Number(environment.OPS_PORT || FIRST_PORT);
    return RUNNING.map((_, index) => `http://127.0.0.1:${first + index}`);
  }
  for (const url of named)
    if (!/^https?:\/\/[^/]+$/.test(url)) throw new CommandFailure(`WEFT_OPS_URLS: ${url} is not http://host:port`);
  return named;
}

/** The processes that answer. */
export async function readStatuses(urls: readonly string[]): Promise<ProcessStatus[]> {
  const answers = await Promise.all(
    urls.map(async (url) => {
      try {
        const response = await fetch(`${url}/status`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
        if (!response.ok) return [];
        return [{ ...((await response.json()) as Omit<ProcessStatus, 'url'>), url }];
      } catch {
        return [];
      }
    }),
  );
  return answers.flat();
}

/** Has a process log from this level on. Throws CommandFailure when it does not. */
export async function setLogLevel(url: string, level: string): Promise<void> {
  const response = await fetch(`${url}/log-level?level=${encodeURIComponent(level)}`, {
    method: 'POST',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const { error } = (await response.json()) as { error?: string };
  if (!response.ok) throw new CommandFailure(`${url}: ${error ?? response.status}`);
}
