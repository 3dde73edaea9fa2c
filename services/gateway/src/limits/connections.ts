/** Takes a place for a connection of an address; gives what frees it again, undefined where that address has none left. */
export type TakePlace = (address: string) => (() => void) | undefined;

/** Counts connections by address: one that holds all of a port would keep everybody else out. */
export function createPlaces(each: number): TakePlace {
  const taken = new Map<string, number>();
  return (address) => {
    const before = taken.get(address) ?? 0;
    if (before >= each) return undefined;
    taken.set(address, before + 1);
    return () => {
      const left = (taken.get(address) ?? 0) - 1;
      if (left > 0) taken.set(address, left);
      else taken.delete(address);
    };
  };
}

interface Bounds {
  readonly maxConnections: number;
  /** 0: a quarter of them. */
  readonly maxConnectionsEach: number;
  readonly trustedProxies: number;
}

/** How many connections one address may have. Behind a proxy all have its address. */
export function placesOfEach({ maxConnections, maxConnectionsEach, trustedProxies }: Bounds): number {
  if (trustedProxies > 0) return maxConnections;
  return maxConnectionsEach || Math.ceil(maxConnections / 4);
}
