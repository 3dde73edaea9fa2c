/**
 * What became of a lookup: a fresh copy or a fresh "there is no such thing" was given; the service was asked, or asked already
 * for somebody else; an old copy stood in for a service that is away.
 */
export const LOOKUPS = ['fresh', 'absent', 'miss', 'shared', 'stale'] as const;
export type Lookup = (typeof LOOKUPS)[number];
