import type { Untaken } from '../shop/reasons.ts';
import type { Same } from './differences.ts';
import type { Deeds, Evidence } from './evidence.ts';
import { type Plan, untakenLine } from './plan.ts';

/** How many lines of the file were taken whole, in part and not at all. */
export interface LineCounts {
  readonly inFile: number;
  readonly taken: number;
  readonly partly: number;
  readonly untaken: number;
}

/**
 * Sorts every line of the file into taken and not taken, pieces and all. A line that is in neither, or whose pieces do
 * not add up, is a difference.
 */
export function accountForLines(
  plan: Plan,
  alreadyUntaken: readonly Untaken[],
  deeds: Deeds,
  evidence: Evidence,
  same: Same,
): { lines: LineCounts; untaken: Untaken[] } {
  const taken = new Map<number, bigint>();
  const untaken = [...alreadyUntaken];
  const add = (sums: Map<number, bigint>, line: number, pieces: bigint) =>
    sums.set(line, (sums.get(line) ?? 0n) + pieces);

  for (const { sale, orderId } of deeds.placed) {
    const order = evidence.orders.get(orderId);
    for (const source of sale.lines.flatMap((line) => line.sources)) {
      if (order?.status === 'COMPLETED') {
        add(taken, source.line, source.pieces);
        continue;
      }
      const ended = order?.status === 'REJECTED' || order?.status === 'CANCELLED';
      const line = { ...source, invoice: sale.invoice, isReturn: false };
      untaken.push(untakenLine(line, ended ? 'ORDER_REJECTED' : 'ORDER_UNFINISHED', order?.reason ?? ''));
    }
  }
  for (const part of deeds.returned) add(taken, part.source.line, part.pieces);

  const listed = new Map<number, bigint>();
  for (const { line, quantity } of untaken)
    add(listed, line, quantity === null ? 0n : quantity < 0n ? -quantity : quantity);
  const counts = { inFile: plan.records.length, taken: 0, partly: 0, untaken: 0 };
  for (const { line, pieces } of plan.records) {
    if (taken.has(line) && listed.has(line)) counts.partly += 1;
    else if (taken.has(line)) counts.taken += 1;
    else if (listed.has(line)) counts.untaken += 1;
    else same(`line ${line}`, 'taken or listed', 'neither');
    if (pieces !== null) same(`line ${line}: pieces`, pieces, (taken.get(line) ?? 0n) + (listed.get(line) ?? 0n));
    taken.delete(line);
    listed.delete(line);
  }
  for (const line of [...taken.keys(), ...listed.keys()]) same(`line ${line}`, 'not in the file', 'taken or listed');
  untaken.sort((a, b) => a.line - b.line);
  return { lines: counts, untaken };
}
