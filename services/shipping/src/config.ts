import { setting } from '@weft/kit/config';

export const settings = {
  /** Below the contract's five seconds, so that the caller hears which of us did not answer. */
  carrierTimeout: setting.integer('CARRIER_TIMEOUT_MS', { low: 100, high: 4500 }, { fallback: 3000 }),
  /** How long the simulated carrier takes to collect what it is asked to delay. */
  carrierDelay: setting.milliseconds('CARRIER_DELAY_MS', { fallback: 30_000 }),
};
