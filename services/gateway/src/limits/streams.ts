import { Later } from '../edge/failure.ts';

export interface StreamLimits {
  /** Streams open at once. */
  readonly all: number;
  /** Of one user, or one address. */
  readonly each: number;
}

/** Counts streams, which no deadline ends soon. */
export function createStreamLimits({ all, each }: StreamLimits) {
  const open = new Map<string, number>();
  let count = 0;
  /** Takes a place; gives what frees it again. Throws RESOURCE_EXHAUSTED (TOO_MANY_STREAMS). */
  return (caller: string): (() => void) => {
    const own = open.get(caller) ?? 0;
    if (count >= all || own >= each)
      throw new Later('resource-exhausted', 'TOO_MANY_STREAMS', 'too many streams are open at once', 5);
    count += 1;
    open.set(caller, own + 1);
    return () => {
      count -= 1;
      const left = (open.get(caller) ?? 1) - 1;
      if (left > 0) open.set(caller, left);
      else open.delete(caller);
    };
  };
}
