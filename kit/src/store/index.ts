export { pause } from './backoff.ts';
export type { Changes } from './changes.ts';
export {
  type Database,
  type DatabaseOptions,
  openDatabase,
  type TransactionOptions,
  type UnitOfWork,
} from './database.ts';
export type { Expectation } from './deferred.ts';
export { DatabaseContended, DatabaseUnavailable, IdempotencyKeyReused, Outdated, RequestInProgress } from './errors.ts';
export {
  addFacts,
  type DueFacts,
  dueFacts,
  type FactsDue,
  factsMigrations,
  noteDueFacts,
  noteFacts,
  type OpenFacts,
} from './facts.ts';
export { IDEMPOTENCY_MS, type IdempotentRequest, type IdempotentWork, once } from './idempotency.ts';
export { receiveOnce } from './inbox.ts';
export { migrate } from './migrate.ts';
export type { OutgoingEvent } from './outbox.ts';
export { prepared } from './prepared.ts';
export { INBOX_MS, type Purge, startPurge } from './purge.ts';
export { Recent } from './recent.ts';
export { type EventSink, type OutboxLag, type Relay, type RelayOptions, startRelay } from './relay.ts';
export type { Migration } from './store-migrations.ts';
