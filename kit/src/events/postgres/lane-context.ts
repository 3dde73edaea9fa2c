import type { Logger } from 'pino';
import type { Session } from '../../store/session.ts';
import type { ConsumerOptions } from '../bus.ts';
import type { Gate } from '../gate.ts';
import type { Patience } from '../patience.ts';
import type { LiveProcess, Turns } from './turns.ts';

export interface LaneContext extends Required<ConsumerOptions> {
  readonly session: Session;
  readonly turns: Turns;
  readonly process: LiveProcess;
  /** Turns of all lanes here: what may have killed a process runs alone, so that nothing else is taken for it. */
  readonly gate: Gate;
  readonly logger: Logger;
  /** Another version of the consumer has come, or was given up. */
  versionsChanged(): void;
  /** Gives the bucket to an instance that has what is next in it. False where there is no other instance. */
  offer(bucket: number, ms: number): boolean;
}

/** With events of other versions, in one bucket: it lasts while the bucket is given to others and comes back. */
export interface BucketPatience {
  readonly events: Patience;
  readonly redrives: Patience;
}
