/** What inventory knows of a choreographed order: what others did, and what it did itself. */
export interface PartFacts {
  readonly placed?: true;
  /** It will never be paid. */
  readonly unpaid?: true;
  readonly captured?: true;
  readonly refunded?: true;
  readonly reserved?: true;
  readonly rejected?: true;
  readonly released?: true;
  readonly committed?: true;
  readonly restocked?: true;
}

export type PartStep = 'reserve' | 'release' | 'commit' | 'restock';

/** Inventory's next step in a choreographed order. Facts come in any order: it is done when all that it follows from are there. */
export function nextStep(facts: PartFacts): PartStep | undefined {
  if (facts.rejected || facts.released) return undefined;
  if (!facts.reserved) {
    if (facts.unpaid) return 'release';
    return facts.placed ? 'reserve' : undefined;
  }
  if (facts.committed) return facts.refunded && !facts.restocked ? 'restock' : undefined;
  if (facts.captured || facts.refunded) return 'commit';
  return facts.unpaid ? 'release' : undefined;
}
