import { Later } from '../edge/failure.ts';

export interface StreamLimits {
  /** Streams open at once. */
  readonly all: number;
  /** Of one service. */
  readonly service: number;
  /** Of one user, or one address. */
  readonly each: number;
}

/** Takes the place of a stream; gives what frees it again. Throws RESOURCE_EXHAUSTED (TOO_MANY_STREAMS). */
export type OpenStream = (caller: string, service: string) => () => void;

/** Counts streams, which no deadline ends soon. */
export function createStreamLimits({ all, service: ofService, each }: StreamLimits): OpenStream {
  const callers = new Map<string, number>();
  const services = new Map<string, number>();
  let count = 0;
  return (caller, service) => {
    if (count >= all || of(callers, caller) >= each || of(services, service) >= ofService)
      throw new Later('resource-exhausted', 'TOO_MANY_STREAMS', 'too many streams are open at once', 5);
    const add = (change: 1 | -1) => {
      count += change;
      shift(callers, caller, change);
      shift(services, service, change);
    };
    add(1);
    let open = true;
    return () => {
      if (open) add(-1);
      open = false;
    };
  };
}

const of = (counts: ReadonlyMap<string, number>, name: string): number => counts.get(name) ?? 0;

function shift(counts: Map<string, number>, name: string, by: number): void {
  const left = of(counts, name) + by;
  if (left > 0) counts.set(name, left);
  else counts.delete(name);
}
