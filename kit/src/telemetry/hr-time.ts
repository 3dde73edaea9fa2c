import type { HrTime } from '@opentelemetry/api';

/** Seconds and nanoseconds of milliseconds. */
export function hrTime(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, Math.round((milliseconds - seconds * 1000) * 1e6)];
}
