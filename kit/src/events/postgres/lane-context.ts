import type { Logger } from 'pino';
import type { Session } from '../../store/session.ts';
import { within } from '../../time/index.ts';
import type { ConsumerOptions, Delivery } from '../bus.ts';
import type { LiveProcess, Turns } from './turns.ts';

export interface LaneContext extends Required<ConsumerOptions> {
  readonly session: Session;
  readonly turns: Turns;
  readonly process: LiveProcess;
  readonly logger: Logger;
  /** Another version of the consumer has come, or was given up. */
  versionsChanged(): void;
}

export async function handleInTime({ handle, handleTimeoutMs }: LaneContext, delivery: Delivery): Promise<void> {
  await within(handleTimeoutMs, handle(delivery), () => {
    throw new Error(`no outcome within ${handleTimeoutMs} ms`);
  });
}
