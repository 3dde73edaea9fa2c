import type { Session } from '../../store/session.ts';
import { LATEST } from './statements.ts';

/** What has come as far as a number, and has nothing in hand. */
export interface Behind {
  readonly bucket: number;
  readonly idle: boolean;
  scanned: bigint;
  wake(): void;
}

/** Numbers that are looked through at once. */
const RANGE = 5_000n;

/**
 * Finds out with one statement, for all consumers of a process, whether there is anything up to `head` that no notification has told of: who has
 * is woken, who has not has come as far as that.
 */
export async function catchUp(
  session: Pick<Session, 'query'>,
  lanes: readonly { readonly lane: Behind; readonly types: ReadonlySet<string> }[],
  head: bigint,
): Promise<void> {
  const behind = lanes.filter(({ lane }) => lane.idle && lane.scanned < head);
  const near = behind.filter(({ lane }) => head - lane.scanned <= RANGE);
  for (const { lane } of behind) if (head - lane.scanned > RANGE) lane.wake();
  if (near.length === 0) return;
  let from = head;
  for (const { lane } of near) if (lane.scanned < from) from = lane.scanned;
  const rows = await session.query<{ bucket: number; type: string; seq: bigint }>(LATEST, [from, head]);
  const latest = Map.groupBy(rows, ({ bucket }) => bucket);
  for (const { lane, types } of near) {
    if (latest.get(lane.bucket)?.some(({ type, seq }) => types.has(type) && seq > lane.scanned)) lane.wake();
    else if (lane.idle && lane.scanned < head) lane.scanned = head;
  }
}
