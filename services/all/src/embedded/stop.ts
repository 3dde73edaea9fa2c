import type { Binaries } from './binaries.ts';
import { EmbeddedPostgresError } from './errors.ts';
import type { Home } from './home.ts';
import { eventually, runCommand } from './processes.ts';

const FAST_LIMIT_MS = 3_000;

async function signal(pid: number, name: 'INT' | 'QUIT' | 'KILL', binaries: Binaries, home: Home): Promise<void> {
  if (process.platform === 'win32') {
    await runCommand(binaries.pgCtl, ['kill', name, String(pid)], { cwd: home.path, limitMs: 5_000 });
    return;
  }
  try {
    process.kill(pid, `SIG${name}`);
  } catch {
    // It is gone: what we wait for.
  }
}

/**
 * Ends a server: fast (sessions are ended, data is written), after 3 s immediately (the next start recovers it from the
 * log). What is still running after `immediateMs` more is left running: PostgreSQL itself kills its children after 5 s.
 */
export async function stopProcess(
  pid: number,
  gone: () => boolean | Promise<boolean>,
  binaries: Binaries,
  home: Home,
  immediateMs: number,
): Promise<'fast' | 'immediate' | 'running'> {
  await signal(pid, 'INT', binaries, home);
  if (await eventually(gone, FAST_LIMIT_MS)) return 'fast';
  await signal(pid, 'QUIT', binaries, home);
  return (await eventually(gone, immediateMs)) ? 'immediate' : 'running';
}

/** Ends a server at any price, within 12 s. */
export async function endProcess(
  pid: number,
  gone: () => boolean | Promise<boolean>,
  binaries: Binaries,
  home: Home,
): Promise<void> {
  if ((await stopProcess(pid, gone, binaries, home, 7_000)) !== 'running') return;
  await signal(pid, 'KILL', binaries, home);
  if (await eventually(gone, 2_000)) return;
  throw new EmbeddedPostgresError(`PostgreSQL (process ${pid}) does not end: restart the machine`);
}
