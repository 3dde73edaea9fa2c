import { setting } from '@weft/kit/config';

export const settings = {
  /** Below the contract's five seconds, so that the caller hears which of us did not answer. */
  providerTimeout: setting.integer('PROVIDER_TIMEOUT_MS', { low: 100, high: 4500 }, { fallback: 3000 }),
};
