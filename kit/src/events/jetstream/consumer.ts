import type { ConsumerInfo } from '@nats-io/jetstream';
import type { Logger } from 'pino';
import { backoff, pause } from '../../store/backoff.ts';
import { BUCKETS } from '../../store/hash.ts';
import { within } from '../../time/index.ts';
import type { Consumer, ConsumerOptions } from '../bus.ts';
import { withDefaults } from '../defaults.ts';
import type { Gate } from '../gate.ts';
import { Ahead } from './ahead.ts';
import { Attempts } from './attempts.ts';
import { type Durable, ensureDurable, isGivenAll, withdraw } from './durables.ts';
import { API, asBusFailure, BusUnavailable, isApiError } from './errors.ts';
import { Lane, type LaneContext, persistently } from './lane.ts';
import type { Letters } from './letters.ts';
import type { Line, Link } from './link.ts';
import { Others } from './others.ts';
import { Puller, type PullerOptions } from './puller.ts';
import { Redrives } from './redrives.ts';
import {
  bucketFilter,
  bucketOfAllFilter,
  durableOf,
  LETTERS,
  lettersOf,
  serviceOf,
  streamOf,
  token,
} from './subjects.ts';

export interface ConsumerParts {
  readonly link: Link;
  readonly letters: Letters;
  readonly ackWaitMs: number;
  readonly gate: Gate;
  readonly logger: Logger;
  /** Resolves when the stream of a service is there. */
  stream(service: string): Promise<void>;
  /** One is not there any more. */
  forgetStreams(): void;
}

const READY_MS = 2_000;

/**
 * One instance of a consumer. Each bucket of each service that it hears is a durable consumer on the broker with one message
 * in hand at a time, whichever instance has it: so instances share the buckets without knowing of each other, and a dead
 * one's message is given to another when the broker has waited `ackWaitMs` for word of it.
 */
export class JetStreamConsumer implements Consumer {
  readonly name: string;
  readonly types: readonly string[];
  readonly #on: ConsumerParts;
  readonly #services: readonly string[];
  readonly #durables: readonly Durable[];
  readonly #pullers: readonly Puller[];
  readonly #stopping = new AbortController();
  readonly #stopped: () => void;
  readonly #forget: readonly (() => void)[];
  /** Of each stream, up to where there was nothing left to handle. */
  readonly #seen = new Map<string, number>();
  #preparing: Promise<void> = Promise.resolve();
  /** The connection that is being seen to, or has been. */
  #preparedFor: Line | undefined;
  #prepared = false;
  #ending: Promise<void> | undefined;

  /** @throws Error when one of the types is none that a broker could tell apart */
  constructor(on: ConsumerParts, options: ConsumerOptions, stopped: () => void) {
    this.name = options.name;
    this.types = options.types;
    this.#on = on;
    this.#stopped = stopped;
    const { letters, ackWaitMs, gate, logger } = on;
    const context = {
      ...withDefaults(options),
      letters,
      ackWaitMs,
      logger,
      gate,
      stopping: this.#stopping.signal,
    };
    const types = Map.groupBy(new Set(options.types), serviceOf);
    this.#services = [...types.keys()];
    const lanes = [...types].flatMap(([service, of]) =>
      Array.from({ length: BUCKETS }, (_, bucket) => this.#lane(context, service, of.toSorted(), bucket)),
    );
    const all = [...lanes, this.#redrives(context)];
    this.#durables = all.map(({ durable }) => durable);
    this.#pullers = all.map(({ puller }) => puller);
    const up = on.link.onUp(() => this.#prepare());
    const down = on.link.onDown(() => {
      this.#prepared = false;
      for (const puller of this.#pullers) puller.lost();
    });
    this.#forget = [up, down];
  }

  async lag(): Promise<number> {
    const { manager } = await this.#on.link.ready(READY_MS);
    await within(READY_MS, this.#preparing, () => undefined);
    if (!this.#prepared) throw new BusUnavailable(new Error(`${this.name} is not ready yet`));
    return await asBusFailure(this.#count(manager));
  }

  async #count(manager: Line['manager']): Promise<number> {
    const heads = await Promise.all(
      [...new Set(this.#durables.map(({ stream }) => stream))].map(
        async (stream) => [stream, (await manager.streams.info(stream)).state.last_seq] as const,
      ),
    );
    const infos = await Promise.all(this.#durables.map((durable) => this.#info(manager, durable)));
    const counted = infos.reduce((sum, info) => sum + info.num_pending + info.num_ack_pending, 0);
    if (counted > 0) return counted;
    const found = await Promise.all(infos.map((info, index) => this.#uncounted(manager, heads, info, index)));
    const uncounted = found.reduce((sum, one) => sum + one, 0);
    if (uncounted === 0) for (const [stream, head] of heads) this.#seen.set(stream, head);
    return uncounted;
  }

  /** Of two versions that change one at a moment the later wins, and one from before this has only its own given: then it is seen to again. */
  async #info(manager: Line['manager'], durable: Durable): Promise<ConsumerInfo> {
    const { stream, name } = durable;
    const info = await manager.consumers.info(stream, name);
    if (isGivenAll(info, durable)) return info;
    await ensureDurable(this.#on.link, durable, this.#on.ackWaitMs, { waitMs: READY_MS });
    return await manager.consumers.info(stream, name);
  }

  stop(): Promise<void> {
    this.#ending ??= this.#stop();
    return this.#ending;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#pullers.map((puller) => puller.close()));
    for (const forget of this.#forget) forget();
    this.#stopped();
  }

  /** The broker counts for a consumer a moment after it has taken a message: what it may not have counted yet is looked for. */
  async #uncounted(
    manager: Line['manager'],
    heads: readonly (readonly [string, number])[],
    { delivered }: ConsumerInfo,
    index: number,
  ): Promise<number> {
    const { stream, filters } = this.#durables[index] as Durable;
    if (heads.every(([name, head]) => name !== stream || this.#seen.get(name) === head)) return 0;
    const next = filters.map((filter) =>
      manager.streams.getMessage(stream, { seq: delivered.stream_seq + 1, next_by_subj: filter } as { seq: number }),
    );
    return (await Promise.all(next)).filter((message) => message !== null).length;
  }

  #lane(context: LaneContext, service: string, types: readonly string[], bucket: number) {
    const { link } = this.#on;
    const durable = {
      consumer: this.name,
      stream: streamOf(service),
      name: durableOf(this.name, bucket),
      filters: types.map((type) => bucketFilter(type, bucket)),
    };
    const others = new Others(context, async (type) => {
      const work = async () => ({ done: await withdraw(link, durable, bucketFilter(type, bucket)) });
      return (await persistently(context, work)) !== undefined;
    });
    const [only = '', ...more] = durable.filters;
    const subject = more.length === 0 ? only : bucketOfAllFilter(service, bucket);
    const { logger, stopping } = context;
    const ahead = new Ahead({ link, durable, types: new Set(types), subject, logger, stopping });
    const lane = new Lane(context, service, new Attempts(link, this.name, service, bucket), others, ahead);
    return this.#puller(durable, lane, (message, through) => ahead.skip(message, through));
  }

  #redrives(context: LaneContext) {
    return this.#puller(
      { consumer: this.name, stream: LETTERS, name: token(this.name), filters: [lettersOf(this.name)] },
      new Redrives(context),
    );
  }

  #puller(durable: Durable, of: Lane | Redrives, skip?: PullerOptions['skip']): { durable: Durable; puller: Puller } {
    const { link, ackWaitMs, logger } = this.#on;
    const puller = new Puller({
      link,
      durable,
      ackWaitMs,
      logger,
      take: (message) => of.take(message),
      skip,
      stillHere: (message) => of.stillHere(message),
      gone: () => {
        if (this.#prepared) this.#preparedFor = undefined;
        if (link.connected) this.#prepare();
      },
    });
    return { durable, puller };
  }

  /** Sees to it that everything is there on the broker, and opens the lanes of the connection that there is now. */
  #prepare(): void {
    const { line } = this.#on.link;
    if (line === this.#preparedFor) return;
    this.#preparedFor = line;
    this.#prepared = false;
    this.#preparing = this.#preparing.then(async () => {
      for (let attempt = 1; this.#on.link.connected && this.#on.link.line === line; attempt++) {
        if (this.#stopping.signal.aborted) return;
        try {
          await Promise.all(this.#services.map((service) => this.#on.stream(service)));
          await Promise.all(this.#durables.map((one) => ensureDurable(this.#on.link, one, this.#on.ackWaitMs)));
          for (const puller of this.#pullers) puller.open(line);
          this.#prepared = true;
          return;
        } catch (error) {
          if (isApiError(error, API.streamNotFound)) this.#on.forgetStreams();
          const level = attempt === 1 ? 'warn' : 'debug';
          this.#on.logger[level]({ err: error, consumer: this.name }, 'consumer not ready; trying again');
          await pause(backoff(attempt, 100, 5_000), this.#stopping.signal);
        }
      }
    });
  }
}
