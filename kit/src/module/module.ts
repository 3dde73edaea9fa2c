/** A part of a process with a life of its own. */
export interface Module {
  readonly name: string;
  /** Names of the modules that it calls; those of them in this process start before it and stop after it. */
  readonly needs: readonly string[];
  start(): Promise<void>;
  /** Says that it is about to stop, while it goes on working: readiness goes first. */
  announceStop(): void;
  /** Calls of others that it has answered since it started; left out where nobody calls it. */
  answered?(): number;
  /** Finishes what it has begun, within about `graceMs`, and lets go of what it holds. */
  stop(graceMs: number): Promise<void>;
}

/** Modules in the order in which each comes after those it needs. Throws on a cycle. */
export function inDependencyOrder<M extends Pick<Module, 'name' | 'needs'>>(modules: readonly M[]): M[] {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const ordered = new Set<M>();
  const visit = (module: M, path: readonly string[]) => {
    if (ordered.has(module)) return;
    if (path.includes(module.name)) throw new Error(`modules need each other: ${[...path, module.name].join(' -> ')}`);
    for (const name of module.needs) {
      const needed = byName.get(name);
      if (needed) visit(needed, [...path, module.name]);
    }
    ordered.add(module);
  };
  for (const module of modules) visit(module, []);
  return [...ordered];
}

/** Starts modules in dependency order. When one fails, those already started are stopped again and its error is thrown. */
export async function startModules(modules: readonly Module[], graceMs: number): Promise<void> {
  const started: Module[] = [];
  try {
    for (const module of inDependencyOrder(modules)) {
      started.push(module);
      await module.start();
    }
  } catch (error) {
    await stopModules(started, { drainMs: 0, graceMs }).catch(() => {});
    throw error;
  }
}

/**
 * Takes readiness away everywhere, waits until callers have seen it, then stops modules in reverse dependency order. They have
 * seen it after `drainMs` and when none has called for three seconds; who goes on calling holds nobody up for longer than half of
 * `graceMs`, which is for all of them together. Without `drainMs` nobody is waited for. One that fails to stop keeps none of the
 * others from it; its error is thrown last.
 */
export async function stopModules(
  modules: readonly Module[],
  { drainMs, graceMs }: { drainMs: number; graceMs: number },
): Promise<void> {
  for (const module of modules) module.announceStop();
  const left = countdown(drainMs + graceMs);
  if (drainMs > 0) await untilNobodyCalls(modules, drainMs, drainMs + graceMs / 2);
  const failures: unknown[] = [];
  for (const module of inDependencyOrder(modules).reverse()) {
    await module.stop(left()).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}

const QUIET_MS = 3000;
const LOOK_MS = 50;

// How long it takes until callers are told that a pod goes is nobody's promise: on a busy cluster seconds.
async function untilNobodyCalls(modules: readonly Module[], leastMs: number, mostMs: number): Promise<void> {
  const count = () => modules.reduce((sum, module) => sum + (module.answered?.() ?? 0), 0);
  const began = performance.now();
  let [answered, since] = [count(), began];
  for (let now = began; now < began + mostMs; now = performance.now()) {
    if (count() !== answered) [answered, since] = [count(), now];
    if (now >= began + leastMs && now >= since + QUIET_MS) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

const LEAST_MS = 20;

/** What is left of a time, in milliseconds, but never nothing: whoever comes last may still let go of what it holds. */
export function countdown(totalMs: number): () => number {
  const end = performance.now() + totalMs;
  return () => Math.max(LEAST_MS, end - performance.now());
}
