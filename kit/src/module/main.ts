/** What runs until it is told to stop. */
export interface Running {
  /** Resolves when nothing is left to do. */
  stop(): Promise<void>;
  /** No stop takes longer, in milliseconds. */
  readonly stopTimeout: number;
  /** Resolves with the reason when it cannot go on. */
  readonly failed?: Promise<Error>;
}

/** Who is told to stop before it has started may finish that within so many milliseconds, to stop cleanly. */
const STARTING_MS = 4_000;

/** What a process that was forked tells its parent once it has started. */
export const READY = 'ready';

/**
 * The life of a process: starts, runs until SIGINT or SIGTERM, stops, exits with 0. A start that fails prints one clear line
 * and exits with 1, as does what cannot go on; a stop that takes too long is cut off with 1. A process that was forked tells
 * its parent that it is ready, and ends at once with 1 when its parent is gone, however that came about.
 */
export async function main(start: () => Promise<Running>): Promise<void> {
  const fail = (error: unknown) => {
    for (const line of describe(error)) process.stderr.write(`${line}\n`);
    process.exit(1);
  };
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  process.once('disconnect', () => process.exit(1));
  let late: NodeJS.Timeout | undefined;
  const isLate = () => fail(new Error('told to stop before it had started'));
  const started = start().catch(fail);
  void Promise.race([asked.then(() => true), started.then(() => false)]).then((early) => {
    if (early) late = setTimeout(isLate, STARTING_MS);
  });
  const running = await started;
  clearTimeout(late);
  if (!running) return;
  process.send?.(READY);
  const failure = await Promise.race([asked, running.failed ?? asked]);
  if (failure) for (const line of describe(failure)) process.stderr.write(`${line}\n`);
  const cut = setTimeout(() => fail(new Error(`did not stop within ${running.stopTimeout} ms`)), running.stopTimeout);
  await running.stop().catch(fail);
  clearTimeout(cut);
  process.exit(failure ? 1 : 0);
}

function describe(error: unknown): string[] {
  if (!(error instanceof Error)) return [`weft: ${String(error)}`];
  if ('problems' in error && Array.isArray(error.problems))
    return error.problems.map((problem) => `weft: setting ${problem}`);
  return [`weft: ${textOf(error).replaceAll(/\s*\n\s*/g, ' ')}`];
}

// Node's AggregateError of a refused connection has no text of its own.
function textOf(error: Error): string {
  if (error.message !== '') return error.message;
  const parts = error instanceof AggregateError ? error.errors : [];
  return parts.map((part) => (part instanceof Error ? part.message : String(part))).join(', ') || error.name;
}
