import type { Runtime } from '@weft/kit/module';

export type Meter = Runtime<Record<string, never>>['meter'];
export type Labels = Readonly<Record<string, string>>;

/** Counts by one key: nothing is hashed when one is counted, only when it is asked for. */
export class Tally<K> {
  readonly #counts: Map<K, number>;

  /** @param keys those that are told from the start, at 0: what first appears at 1 has not risen for who asks by how much it did */
  constructor(meter: Meter, name: string, description: string, keys: Iterable<K>, labelsOf: (key: K) => Labels) {
    this.#counts = new Map([...keys].map((key) => [key, 0]));
    const labels = new Map<K, Labels>();
    meter.createObservableCounter(name, { description }).addCallback((result) => {
      for (const [key, count] of this.#counts) {
        const known = labels.get(key) ?? labelsOf(key);
        labels.set(key, known);
        result.observe(count, known);
      }
    });
  }

  count(key: K): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }
}
