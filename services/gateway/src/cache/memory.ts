import { LRUCache } from 'lru-cache';
import type { Copy, CopyStore } from './store.ts';

const MOST_BYTES = 32 * 1024 * 1024;
const ENTRY_BYTES = 256;
const MOST_VARIANTS = 50;

/** Copies in this process, bounded by their size. */
export function memoryCopies(): CopyStore {
  const aggregates = new LRUCache<string, Map<string, Copy>>({
    maxSize: MOST_BYTES,
    sizeCalculation: (variants) =>
      [...variants.values()].reduce((sum, { bytes }) => sum + ENTRY_BYTES + (bytes?.byteLength ?? 0), ENTRY_BYTES),
  });
  return {
    get: async (aggregate, variant) => aggregates.get(aggregate)?.get(variant),
    async put(aggregate, variant, copy, keep) {
      const variants = new Map(aggregates.get(aggregate));
      variants.delete(variant);
      if (variants.size >= MOST_VARIANTS) variants.delete(variants.keys().next().value as string);
      const ttl = Math.max(keep, aggregates.getRemainingTTL(aggregate));
      aggregates.set(aggregate, variants.set(variant, copy), { ttl });
    },
    async end(aggregate) {
      aggregates.delete(aggregate);
    },
  };
}
