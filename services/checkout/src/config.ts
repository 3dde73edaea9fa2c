import { setting } from '@weft/kit/config';

export const settings = {
  /** Sagas that one process runs at once. */
  sagaConcurrency: setting.integer('SAGA_CONCURRENCY', { low: 1, high: 1000 }, { fallback: 64 }),
};
