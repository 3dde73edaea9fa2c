import { LRUCache } from 'lru-cache';
import type { UnitOfWork } from './database.ts';

const MOST_LINES = 20_000;

/**
 * Aggregates as this process last saved them, so that a change need not read them first. Another process may have changed one
 * since: what is saved on it has to expect its version.
 */
export class Recent<V extends object> {
  readonly #values: LRUCache<string, V>;

  /** @param lines of a value, beside itself: 20,000 are kept in all */
  constructor(lines: (value: V) => number) {
    this.#values = new LRUCache({ maxSize: MOST_LINES, sizeCalculation: (value) => 1 + lines(value) });
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  /** For a decision of a transaction; undefined once it runs again, as then the value may have been the reason. */
  seenBy({ attempt }: Pick<UnitOfWork<never>, 'attempt'>, key: string): V | undefined {
    return attempt === 1 ? this.get(key) : undefined;
  }

  /** Keeps what a transaction saves, once it has committed. */
  keep({ onCommit }: Pick<UnitOfWork<never>, 'onCommit'>, key: string, value: V): void {
    onCommit(() => void this.#values.set(key, value));
  }
}
