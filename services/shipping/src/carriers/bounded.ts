import { within } from '@weft/kit/time';
import { type Carrier, CarrierTimeout } from '../app/ports.ts';

/** The carrier, given up with CarrierTimeout when it has not answered within `timeout` milliseconds. */
export function bounded(carrier: Carrier, timeout: number): Carrier {
  const inTime = <T>(answer: Promise<T>): Promise<T> =>
    within(timeout, answer, () => {
      throw new CarrierTimeout();
    });
  return {
    book: (booking) => inTime(carrier.book(booking)),
    withdraw: (key) => inTime(carrier.withdraw(key)),
  };
}
