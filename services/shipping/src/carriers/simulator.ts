import { type Carrier, CarrierTimeout } from '../app/ports.ts';

/**
 * A carrier without vans. Its answers follow from the postal code and the number of the attempt alone, so that they are the
 * same after a restart. Nothing moves.
 *
 * | postal code            | the carrier                                                     |
 * | ---------------------- | --------------------------------------------------------------- |
 * | `SIM-REFUSED`          | refuses: ADDRESS_NOT_SERVED                                     |
 * | `SIM-DELAYED`          | accepts, collects `delayMs` after the order is confirmed        |
 * | `SIM-TIMEOUT-ACCEPTED` | loses its first answer; asked again, accepts                    |
 * | `SIM-TIMEOUT-REFUSED`  | loses its first answer; asked again, refuses: ADDRESS_NOT_SERVED |
 * | any other, and pick-up | accepts, collects as soon as the order is confirmed             |
 */
export const simulator = (delayMs: number): Carrier => ({
  async book({ key, address, attempt }) {
    const code = address?.postalCode ?? '';
    const { timesOut, refused, delayed } = (Object.hasOwn(BEHAVIOURS, code) && BEHAVIOURS[code]) || {};
    if (timesOut && attempt === 1) throw new CarrierTimeout();
    if (refused) return { refused: 'ADDRESS_NOT_SERVED' };
    return { accepted: `SIM-${key}`, collectsAfterMs: delayed ? delayMs : 0 };
  },
  async withdraw() {},
});

interface Behaviour {
  /** The first attempt has its effect, and its answer is lost. */
  readonly timesOut?: boolean;
  readonly refused?: boolean;
  readonly delayed?: boolean;
}

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  'SIM-REFUSED': { refused: true },
  'SIM-DELAYED': { delayed: true },
  'SIM-TIMEOUT-ACCEPTED': { timesOut: true },
  'SIM-TIMEOUT-REFUSED': { timesOut: true, refused: true },
};
