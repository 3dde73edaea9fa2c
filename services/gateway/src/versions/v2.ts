import type { Version } from './version.ts';

/** The contract's own names. */
export const v2: Version = { name: 'v2', renames: {} };
