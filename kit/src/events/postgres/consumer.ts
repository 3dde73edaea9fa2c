import type pg from 'pg';
import type { Logger } from 'pino';
import { backoff, pause } from '../../store/backoff.ts';
import { translate } from '../../store/errors.ts';
import { BUCKETS, statementName } from '../../store/hash.ts';
import type { Holder, Leases } from '../../store/leases.ts';
import type { Session } from '../../store/session.ts';
import type { Consumer, ConsumerOptions } from '../bus.ts';
import { withDefaults } from '../defaults.ts';
import type { Gate } from '../gate.ts';
import { Patience } from '../patience.ts';
import { Lane } from './lane.ts';
import type { BucketPatience, LaneContext } from './lane-context.ts';
import { LAG, NEXT_TYPE, OTHERS, REGISTER, SAVE_POSITIONS } from './statements.ts';
import type { LiveProcess, Turns } from './turns.ts';
import type { Wake } from './wakes.ts';

export interface Connections {
  readonly session: Session;
  readonly turns: Turns;
  readonly process: LiveProcess;
  readonly leases: Leases;
  /** Resolves when the tables are there. */
  pool(): Promise<pg.Pool>;
  readonly gate: Gate;
  readonly logger: Logger;
}

/** Others wait behind a dead letter of another version, and whoever asked for it may ask again. */
const AWAIT_VERSION_MS = 30_000;

/** One instance of a consumer: a lane for each bucket that this process has the lock of. */
export class PostgresConsumer implements Consumer, Holder {
  readonly name: string;
  readonly types: readonly string[];
  readonly #on: Connections;
  readonly #context: LaneContext;
  /** With those of its other versions. */
  #types: ReadonlySet<string>;
  /** No other version has a type that this one has not. */
  complete = false;
  readonly #lanes = new Map<number, Lane>();
  readonly #patience: readonly BucketPatience[];
  readonly #leave: () => Promise<void>;
  readonly #stopped: () => void;
  readonly #unregister: () => void;

  constructor(on: Connections, options: ConsumerOptions, stopped: () => void) {
    this.name = options.name;
    this.types = options.types;
    this.#on = on;
    this.#types = new Set(options.types);
    this.#stopped = stopped;
    const resource = `bus consumer ${options.name}`;
    this.#context = {
      ...withDefaults(options),
      session: on.session,
      turns: on.turns,
      process: on.process,
      gate: on.gate,
      logger: on.logger,
      versionsChanged: () => void this.#meetOthers(),
      offer: (bucket, ms) => on.leases.offer(resource, bucket, ms),
    };
    const { awaitVersionMs } = this.#context;
    this.#patience = Array.from({ length: BUCKETS }, () => ({
      events: new Patience(awaitVersionMs),
      redrives: new Patience(Math.min(awaitVersionMs, AWAIT_VERSION_MS)),
    }));
    this.#unregister = on.session.onUp(() => void this.#register());
    this.#leave = on.leases.join(resource, this);
  }

  async lag(): Promise<number> {
    const pool = await this.#on.pool();
    try {
      const { rows } = await pool.query<{ lag: bigint }>({
        name: statementName(LAG),
        text: LAG,
        values: [this.name, [...this.types], this.#scanned()],
      });
      return Number(rows[0]?.lag ?? 0n);
    } catch (error) {
      throw translate(error);
    }
  }

  #scanned(): bigint[] {
    return Array.from({ length: BUCKETS }, (_, bucket) => this.#lanes.get(bucket)?.scanned ?? 0n);
  }

  async stop(): Promise<void> {
    this.#unregister();
    await this.#leave();
    this.#stopped();
  }

  /** Also of the buckets that others have, so that they do not step over what is for this version. */
  async #register(): Promise<void> {
    const { session, logger } = this.#on;
    const { epoch } = session;
    for (let attempt = 1; session.connected && session.epoch === epoch; attempt++) {
      try {
        const buckets = Array.from({ length: BUCKETS }, (_, bucket) => bucket);
        await Promise.all(buckets.map((bucket) => session.query(REGISTER, [this.name, bucket, this.types])));
        return await this.#meetOthers();
      } catch (error) {
        logger.debug({ err: error, consumer: this.name, attempt }, 'types not registered; trying again');
        await pause(backoff(attempt, 50, 2_000));
      }
    }
  }

  async #meetOthers(): Promise<void> {
    try {
      const others = await this.#on.session.query<{ type: string }>(OTHERS, [this.name, this.types]);
      this.#types = new Set([...this.types, ...others.map(({ type }) => type)]);
      this.complete = others.length === 0;
    } catch (error) {
      this.#on.logger.debug({ err: error, consumer: this.name }, 'other versions not looked at');
    }
  }

  async fits(bucket: number): Promise<boolean> {
    const [next] = await this.#on.session.query<{ type: string | null }>(NEXT_TYPE, [this.name, bucket]);
    return !next?.type || this.types.includes(next.type);
  }

  acquired(bucket: number): void {
    const lane = new Lane(this.#context, bucket, this.#patience[bucket] as BucketPatience);
    this.#lanes.set(bucket, lane);
    lane.wake();
  }

  lost(): void {
    for (const lane of this.#lanes.values()) lane.lost();
    this.#lanes.clear();
  }

  async release(bucket: number): Promise<void> {
    const lane = this.#lanes.get(bucket);
    await lane?.close();
    if (this.#lanes.get(bucket) === lane) this.#lanes.delete(bucket);
  }

  /** Something was published. */
  published(wakes: readonly Wake[] | 'all'): void {
    if (wakes === 'all') for (const lane of this.#lanes.values()) lane.wake();
    else for (const { bucket, type } of wakes) if (this.#types.has(type)) this.#lanes.get(bucket)?.wake();
  }

  redrive(): void {
    for (const lane of this.#lanes.values()) lane.wake(true);
  }

  /** Each with the types that are looked for. */
  lanes(): { readonly lane: Lane; readonly types: ReadonlySet<string> }[] {
    return [...this.#lanes.values()].map((lane) => ({ lane, types: this.#types }));
  }

  /** Writes down how far the lanes have come where only messages of other types went by. */
  async savePositions(): Promise<void> {
    const lanes = [...this.#lanes.values()].filter((lane) => lane.idle && lane.scanned > lane.saved);
    if (lanes.length === 0) return;
    const positions = lanes.map((lane) => lane.scanned);
    await this.#on.session.query(SAVE_POSITIONS, [this.name, lanes.map((lane) => lane.bucket), positions]);
    lanes.forEach((lane, index) => {
      const position = positions[index];
      if (position !== undefined && position > lane.saved) lane.saved = position;
    });
  }
}
