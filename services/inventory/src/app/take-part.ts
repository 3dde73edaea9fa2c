import { failPoint } from '@weft/kit/fail-point';
import { nextStep, type PartFacts } from '../domain/part.ts';
import type { Reservation, StockLine } from '../domain/reservation.ts';
import { OutOfStock } from '../domain/stock.ts';
import { commit } from './commit.ts';
import type { InventoryStore, InventoryTransaction } from './ports.ts';
import { release } from './release.ts';
import { reserveWithin } from './reserve.ts';
import { restock } from './restock.ts';

/** What a transaction that takes part in a choreographed order can do, beside what every one can. */
export interface PartTransaction extends InventoryTransaction {
  /** Notes facts of an order, which nobody else changes until the end of the transaction, and gives all that are known. */
  note(orderId: string, facts: PartFacts): Promise<PartFacts>;
  /** Notes what followed from them, with the commit. */
  add(orderId: string, facts: PartFacts): void;
}

/** Does, in one transaction with the fact that it follows from, what a choreographed order asks of inventory. */
export async function takePart(
  tx: PartTransaction,
  orderId: string,
  fact: PartFacts,
  lines: readonly StockLine[],
  now: Date,
): Promise<void> {
  let facts = await tx.note(orderId, fact);
  let done: PartFacts = {};
  for (let step = nextStep(facts); step; step = nextStep(facts)) {
    failPoint('inventory', step, 'begun');
    const outcome = await STEPS[step](tx, orderId, lines, now);
    failPoint('inventory', step, 'tried');
    done = { ...done, ...outcome };
    facts = { ...facts, ...outcome };
  }
  if (Object.keys(done).length > 0) tx.add(orderId, done);
}

type Step = (tx: InventoryTransaction, orderId: string, lines: readonly StockLine[], now: Date) => Promise<PartFacts>;

const within = (tx: InventoryTransaction): Pick<InventoryStore, 'transaction'> => ({ transaction: (work) => work(tx) });

const STEPS: Readonly<Record<NonNullable<ReturnType<typeof nextStep>>, Step>> = {
  async reserve(tx, orderId, lines, now) {
    try {
      await reserveWithin(tx, orderId, lines, now);
      return { reserved: true };
    } catch (error) {
      if (!(error instanceof OutOfStock)) throw error;
      tx.publish({ type: 'reservation-rejected', reservationId: orderId, reason: error.reason, at: now });
      return { rejected: true };
    }
  },
  async release(tx, orderId, _, now) {
    await release(within(tx), orderId, now);
    return { released: true };
  },
  async commit(tx, orderId, _, now) {
    await commit(within(tx), orderId, now);
    return { committed: true };
  },
  async restock(tx, orderId, _, now) {
    const { lines } = (await tx.reservation(orderId)) as Reservation;
    await restock(tx, orderId, lines, now);
    return { restocked: true };
  },
};
