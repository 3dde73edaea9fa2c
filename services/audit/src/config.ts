import { setting } from '@weft/kit/config';

export const settings = {
  /** Records go with their month, when all of it is older than this. */
  retentionDays: setting.integer('RETENTION_DAYS', { low: 31, high: 36_500 }, { fallback: 400 }),
};
