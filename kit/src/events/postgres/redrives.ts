import type pg from 'pg';
import { backoff } from '../../store/backoff.ts';
import { Postponed } from '../bus.ts';
import { describe, isDeadly } from '../failure-text.ts';
import { handleAtGate } from '../handle-in-time.ts';
import type { Patience } from '../patience.ts';
import type { LaneContext } from './lane-context.ts';
import { type MessageRow, toDelivery } from './rows.ts';
import { END_REDRIVE, TAKE_REDRIVE } from './statements.ts';

export interface OfLane {
  query<R extends pg.QueryResultRow>(text: string, values: readonly unknown[]): Promise<R[]>;
  readonly stopping: AbortSignal;
  /** Whether the lane still has its lock. */
  ours(): boolean;
  later(ms: number): void;
}

interface Letter extends MessageRow {
  /** Of the last time. */
  readonly error: string;
  readonly letter: string;
  readonly deliveries: number;
}

/** Hands the dead letters of a lane that were asked for to its handler once more. */
export class Redrives {
  readonly #on: LaneContext;
  readonly #bucket: number;
  readonly #lane: OfLane;
  readonly #patience: Patience;
  #postponed = 0;

  constructor(on: LaneContext, bucket: number, patience: Patience, lane: OfLane) {
    this.#on = on;
    this.#bucket = bucket;
    this.#lane = lane;
    this.#patience = patience;
  }

  /** Sees to one of them. `waits`: the lane is to come back to it. */
  async next(): Promise<'none' | 'ended' | 'waits'> {
    const { logger, name, types } = this.#on;
    const [row] = await this.#lane.query<Letter>(TAKE_REDRIVE, [name, this.#bucket]);
    if (!row) return 'none';
    if (!types.includes(row.type)) return await this.#leave(row);
    try {
      const how = isDeadly(row.error) ? 'alone' : 'together';
      const begun = await handleAtGate(this.#on, toDelivery(row, row.deliveries), how, this.#lane.stopping);
      if (!begun) return await this.#again(row, 0);
      this.#postponed = 0;
    } catch (error) {
      if (!this.#lane.ours()) return 'ended';
      if (error instanceof Postponed) return await this.#again(row, backoff(++this.#postponed, 200, 5_000));
      await this.#end(row, 'dead', error);
      logger.error({ err: error, consumer: name, event: row.id, type: row.type }, 'dead letter failed once more');
      return 'ended';
    }
    if (this.#lane.ours()) await this.#end(row, 'redriven');
    return 'ended';
  }

  /** To an instance of a version that has its type. */
  async #leave(row: Letter): Promise<'ended' | 'waits'> {
    const wait = this.#patience.next(row.letter);
    if (wait !== undefined) return await this.#again(row, wait, true);
    await this.#end(row, 'dead', new Error(`no version that runs has ${row.type}`));
    return 'ended';
  }

  async #again({ letter, deliveries }: Letter, ms: number, elsewhere = false): Promise<'waits'> {
    await this.#lane.query(END_REDRIVE, [letter, 'redrive', deliveries - 1, null, null]);
    if (!elsewhere || !this.#on.offer(this.#bucket, ms)) this.#lane.later(ms);
    return 'waits';
  }

  async #end({ letter, deliveries }: Letter, state: 'dead' | 'redriven', error?: unknown): Promise<void> {
    const { message = null, stack = null } = error === undefined ? {} : describe(error);
    await this.#lane.query(END_REDRIVE, [letter, state, deliveries, message, stack]);
  }
}
