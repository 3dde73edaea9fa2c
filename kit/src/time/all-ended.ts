/** Resolves when all of them have; rejects with the first one's failure, once every one of them has ended. */
export async function allEnded(works: readonly Promise<unknown>[]): Promise<void> {
  const failure = (await Promise.allSettled(works)).find(({ status }) => status === 'rejected');
  if (failure?.status === 'rejected') throw failure.reason;
}
