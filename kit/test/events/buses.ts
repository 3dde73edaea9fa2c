import { pino } from 'pino';
import { type Bus, openPostgresBus } from '../../src/events/index.ts';
import { openJetStreamBus } from '../../src/events/jetstream/index.ts';

export const logger = pino({ level: process.env.TEST_LOG ?? 'silent' });

export type Kind = 'postgres' | 'jetstream';

/** Soon enough for a test, and long enough for a busy machine. */
const ACK_WAIT_MS = 2_000;

export function openBus(kind: Kind, url: string): Bus {
  if (kind === 'postgres') return openPostgresBus({ url, name: 'test', logger });
  return openJetStreamBus({ url, name: 'test', logger, ackWaitMs: ACK_WAIT_MS });
}

/** For processes that a test starts: when the test is gone, so are they. */
export function endWithParent(): void {
  process.stdin.resume().on('end', () => process.exit(1));
}
