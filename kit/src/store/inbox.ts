import { CompiledQuery } from 'kysely';
import { fault } from '../fail-point/index.ts';
import type { Database, UnitOfWork } from './database.ts';

const RECEIVE = 'INSERT INTO inbox (consumer, message_id, received_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING';
const RECEIVED = 'SELECT FROM inbox WHERE consumer = $1 AND message_id = $2';

class HandledBefore extends Error {}

export interface Receipt {
  readonly consumer: string;
  readonly messageId: string;
  readonly receivedAt: Date;
}

/**
 * Does the work in a transaction that also notes that the consumer has handled the message: its effect takes place once. Of
 * two transactions with the same message one waits for the other. Requests come first where connections are few.
 * @returns false when it was handled before.
 */
export async function receiveOnce<S>(
  db: Database<S>,
  { consumer, messageId, receivedAt }: Receipt,
  work: (tx: UnitOfWork<S>) => Promise<void>,
): Promise<boolean> {
  try {
    await db.transaction(
      async (tx) => {
        if (!fault('inbox-off'))
          tx.defer(CompiledQuery.raw(RECEIVE, [consumer, messageId, receivedAt]), {
            rows: 1,
            otherwise: () => new HandledBefore(),
          });
        await work(tx);
      },
      { background: true },
    );
    return true;
  } catch (error) {
    if (error instanceof HandledBefore) return false;
    // Work that was done before may fail on its own effect.
    const { rows } = await db.read.executeQuery(CompiledQuery.raw(RECEIVED, [consumer, messageId])).catch(() => {
      throw error;
    });
    if (rows.length > 0) return false;
    throw error;
  }
}
