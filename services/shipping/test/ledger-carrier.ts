import type { Booking, Carrier } from '../src/app/ports.ts';
import type { Answer } from '../src/domain/shipment.ts';

/** Runs before or after the effect of a call: it may wait, or throw as if the question or the answer were lost. */
export type Interruption = (call: 'book' | 'withdraw', key: string) => Promise<void> | void;

/** A carrier with a memory. It refuses the postal code NOWHERE, and keeps account of what it holds so that a test can compare. */
export class LedgerCarrier implements Carrier {
  /** By key. */
  readonly bookings = new Map<string, 'held' | 'refused' | 'withdrawn'>();
  readonly asked: string[] = [];
  before: Interruption = () => {};
  after: Interruption = () => {};
  collectsAfterMs = 0;

  async book({ key, address }: Booking): Promise<Exclude<Answer, 'unknown'>> {
    await this.before('book', key);
    this.asked.push(`book ${key}`);
    const refused = address?.postalCode === 'NOWHERE';
    if (this.bookings.get(key) !== 'withdrawn') this.bookings.set(key, refused ? 'refused' : 'held');
    await this.after('book', key);
    return refused ? { refused: 'ADDRESS_NOT_SERVED' } : { accepted: key, collectsAfterMs: this.collectsAfterMs };
  }

  async withdraw(key: string): Promise<void> {
    await this.before('withdraw', key);
    this.asked.push(`withdraw ${key}`);
    if (this.bookings.get(key) === 'held') this.bookings.set(key, 'withdrawn');
    await this.after('withdraw', key);
  }
}
