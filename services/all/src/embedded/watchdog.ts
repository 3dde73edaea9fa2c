import { spawn } from 'node:child_process';

// First line: the server's process id. A second line means that it has been stopped; the end of the pipe without one
// means that we are gone, killed perhaps. $1 is what to remove then.
const SCRIPT = `
trap '' HUP INT TERM
read -r pid || exit 0
read -r stopped && exit 0
kill -INT "$pid"
i=0
while kill -0 "$pid"; do
  i=$((i + 1))
  [ "$i" = 30 ] && kill -QUIT "$pid"
  [ "$i" = 100 ] && kill -KILL "$pid"
  [ "$i" = 120 ] && break
  sleep 0.1 || sleep 1
done
shift
[ "$#" = 0 ] || rm -rf -- "$@"
`;

export interface Watchdog {
  guard(pid: number): void;
  /** The server has ended, there is nothing to watch any more. */
  dismiss(): void;
  /** As if this process had died: what still runs is ended by and by. */
  finish(): void;
}

const NONE: Watchdog = { guard: () => undefined, dismiss: () => undefined, finish: () => undefined };

/** Stops the server when this process dies without doing so. `removeAfter` are paths to delete then. */
export function startWatchdog(removeAfter: readonly string[]): Watchdog {
  if (process.platform === 'win32') return NONE;
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'weft-watchdog', 'remove', ...removeAfter], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Without a shell, or when somebody ends it, the next start still takes over what is left.
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.unref();
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref();
  return {
    guard: (pid) => void child.stdin.write(`${pid}\n`),
    dismiss: () => void child.stdin.end('stopped\n'),
    finish: () => void child.stdin.end(),
  };
}
