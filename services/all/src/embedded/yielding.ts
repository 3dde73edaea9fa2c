import { readFile, writeFile } from 'node:fs/promises';

/** Of -20 to 19: a tenth of the weight that a process has of itself. */
const NICENESS = 10;
const LOOK_EVERY_MS = 500;

/**
 * Has the server's processes wait where ours want the same core. Linux groups processes by session for that, and every connection's is a
 * session of its own, which weighs as much as all of ours together. Does nothing where the system has no such groups. Source: sched(7),
 * "The autogroup feature".
 * @returns ends it
 */
export function haveYield(postmaster: number): () => void {
  let yielding = new Set<string>();
  const look = async (): Promise<void> => {
    const children = (await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8')).match(/\d+/g) ?? [];
    yielding = yielding.intersection(new Set(children));
    for (const child of children.filter((one) => !yielding.has(one))) {
      // One that has ended has no file, and the system takes some a second from those without rights: the next look has the rest.
      const done = await writeFile(`/proc/${child}/autogroup`, String(NICENESS)).then(
        () => true,
        () => false,
      );
      if (!done) break;
      yielding.add(child);
    }
  };
  const timer = setInterval(() => look().catch(() => clearInterval(timer)), LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}
