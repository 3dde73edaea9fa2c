/** Milliseconds for one sending to a collector. */
export const EXPORT_TIMEOUT_MS = 5_000;
/** Milliseconds for what is left when the process stops: a collector that is away does not hold it up. */
export const LAST_MS = 1_000;
