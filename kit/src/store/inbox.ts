import { CompiledQuery } from 'kysely';
import type { UnitOfWork } from './database.ts';

/**
 * Notes in the same transaction as its effect that the consumer has handled the message.
 * @returns false when it was handled before. Waits for another transaction that is handling it right now.
 */
export async function receive<S>(
  tx: UnitOfWork<S>,
  consumer: string,
  messageId: string,
  receivedAt: Date,
): Promise<boolean> {
  const { numAffectedRows } = await tx.sql.executeQuery(
    CompiledQuery.raw(
      'INSERT INTO inbox (consumer, message_id, received_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
      [consumer, messageId, receivedAt],
    ),
  );
  return numAffectedRows === 1n;
}
