import { setTimeout as delay } from 'node:timers/promises';
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamManager,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { backoff } from '../../store/backoff.ts';
import { API, BusMisconfigured, BusUnavailable, isApiError } from './errors.ts';
import { type Lease, type LeaseOptions, leased } from './lease.ts';
import type { Link } from './link.ts';
import { changesOf } from './subjects.ts';

/** What a durable consumer is given: one message at a time, so that none overtakes one that is still in hand. */
export interface Durable {
  /** Name of the consumer that it is a part of. */
  readonly consumer: string;
  readonly stream: string;
  readonly name: string;
  /** At least these: other versions of the consumer may have it given more. */
  readonly filters: readonly string[];
}

type Config = ConsumerConfig;

/** In the metadata of a durable consumer: filters that are new, and that it has not gone back for. */
const BEHIND = 'weft-behind';
/** In the metadata of a durable consumer: somebody has it go back, and nobody else moves it meanwhile. */
const GOES_BACK = 'weft-goes-back';
const MARK = 'alone';
/** What an instance of a version before leases writes there. */
const UNLEASED = 'yes';
/** Such an instance has ended or died by then. */
const UNLEASED_MS = 3_000;
/** An instance that was about to move it forward has done so by then. */
export const SKIPPED_MS = 300;
const TRIES = 10;

/** What the broker gives a durable consumer. */
export const filtersOf = ({ filter_subjects, filter_subject }: Config): string[] =>
  filter_subjects ?? (filter_subject ? [filter_subject] : []);

const missing = (config: Config, filters: readonly string[]): string[] => {
  const standing = new Set(filtersOf(config));
  return filters.filter((filter) => !standing.has(filter));
};

/** Whether the broker gives the durable consumer all that it is meant for. */
export const isGivenAll = ({ config }: ConsumerInfo, { filters }: Durable): boolean =>
  missing(config, filters).length === 0;

/** Whether somebody is about to have the durable consumer go back. */
export const goesBack = ({ config: { metadata = {} } }: ConsumerInfo): boolean =>
  BEHIND in metadata || GOES_BACK in metadata;

/**
 * Makes a durable consumer, or has one that is there given what it is not yet: then it goes back to the first message of that which is kept.
 * What other versions of the consumer have it given stays. @throws BusMisconfigured
 */
export async function ensureDurable(
  link: Link,
  durable: Durable,
  ackWaitMs: number,
  options: LeaseOptions = {},
): Promise<void> {
  const { stream, name, filters } = durable;
  const { manager } = link.line;
  const changeable = { max_ack_pending: 1, ack_wait: nanos(ackWaitMs), max_deliver: -1 };
  try {
    await manager.consumers.add(stream, {
      ...changeable,
      filter_subjects: [...filters],
      durable_name: name,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
    });
  } catch (error) {
    if (!isApiError(error, API.consumerExists)) throw error;
    const info = await manager.consumers.info(stream, name);
    const same = isGivenAll(info, durable) && isSame(info.config, changeable) && !goesBack(info);
    if (!same) await inTurn(link, durable, (turn) => change(turn, changeable), options);
  }
}

const isSame = (config: Config, changeable: Partial<Config>): boolean =>
  (Object.keys(changeable) as (keyof Config)[]).every((key) => config[key] === changeable[key]);

async function change(turn: Turn, changeable: Partial<Config>): Promise<void> {
  // Whoever adds a filter may end before it has gone back: then the next one does.
  const behind = new Set<string>();
  const add = () =>
    settle(turn, (config) => {
      const marked = new Set(config.metadata?.[BEHIND]?.split(' ').filter(Boolean));
      const added = missing(config, turn.durable.filters);
      for (const filter of [...marked, ...added]) behind.add(filter);
      if (added.length === 0 && isSame(config, changeable) && behind.size === marked.size) return undefined;
      const metadata = { ...config.metadata, ...(behind.size > 0 && { [BEHIND]: [...behind].join(' ') }) };
      return { ...changeable, filter_subjects: [...filtersOf(config), ...added], metadata };
    });
  await add();
  if (behind.size > 0) {
    await delay(SKIPPED_MS);
    await add();
    await goBack(turn, [...behind]);
  }
  await unmark(turn, [BEHIND, GOES_BACK]);
}

/**
 * Does what has the durable consumer go back, when no instance moves it forward any more. @param reset to a place, while that is the caller's
 * right
 */
export async function whileNobodySkips(
  link: Link,
  durable: Durable,
  work: (reset: (seq: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  await inTurn(link, durable, async (turn) => {
    const mark = () =>
      settle(turn, ({ metadata = {} }) =>
        metadata[GOES_BACK] === MARK ? undefined : { metadata: { ...metadata, [GOES_BACK]: MARK } },
      );
    await mark();
    try {
      await delay(SKIPPED_MS);
      await mark();
      await work((seq) => reset(turn, seq));
    } finally {
      await unmark(turn, [GOES_BACK]);
    }
  });
}

/** The durable consumer is not given that any more, until somebody asks for it again. */
export async function withdraw(link: Link, durable: Durable, filter: string): Promise<void> {
  await inTurn(link, durable, async (turn) => {
    await settle(turn, (config) => {
      const standing = filtersOf(config);
      const left = standing.filter((one) => one !== filter);
      return left.length === 0 || left.length === standing.length ? undefined : { filter_subjects: left };
    });
  });
}

interface Turn {
  readonly lease: Lease;
  readonly durable: Durable;
  readonly manager: JetStreamManager;
}

/** One at a time changes what is said of a durable consumer: the broker has the last word of it win, whatever was said meanwhile. */
async function inTurn(
  link: Link,
  durable: Durable,
  work: (turn: Turn) => Promise<void>,
  options: LeaseOptions = {},
): Promise<void> {
  const { stream, name, consumer } = durable;
  await leased(link, changesOf(consumer, stream, name), options, async (lease) => {
    const { manager } = link.line;
    for (const until = performance.now() + UNLEASED_MS; performance.now() < until; ) {
      const { config } = await manager.consumers.info(stream, name);
      if (config.metadata?.[GOES_BACK] !== UNLEASED) break;
      await delay(backoff(1, 200, 200));
    }
    await work({ lease, durable, manager });
  });
}

/**
 * Reads what is said of a durable consumer and changes it, until it is read as wanted: an instance of a version before leases may write
 * at the same time. @param changes undefined where it is as wanted @throws BusUnavailable when it never is
 */
async function settle(
  { lease, durable: { stream, name }, manager }: Turn,
  changes: (config: Config) => Partial<Config> | undefined,
): Promise<void> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const wanted = changes((await manager.consumers.info(stream, name)).config);
    if (wanted === undefined) return;
    if (attempt > 1) await delay(backoff(attempt, 10, 500));
    lease.check();
    try {
      await manager.consumers.update(stream, name, wanted);
    } catch (error) {
      if (!(error instanceof JetStreamApiError)) throw error;
      throw new BusMisconfigured(`consumer ${name} of stream ${stream} was left alone: ${error.message}`, error);
    }
  }
  throw new BusUnavailable(new Error(`consumer ${name} of stream ${stream} is changed by others all the time`));
}

async function unmark(turn: Turn, marks: readonly string[]): Promise<void> {
  await settle(turn, ({ metadata = {} }) => {
    const left = Object.entries(metadata).filter(([name]) => !marks.includes(name));
    return left.length === Object.keys(metadata).length ? undefined : { metadata: Object.fromEntries(left) };
  });
}

/** To the first message of these filters; what was in hand is given once more. */
async function goBack(turn: Turn, filters: readonly string[]): Promise<void> {
  const { manager, durable } = turn;
  const { stream, name } = durable;
  const kept = await Promise.all(
    filters.map((filter) => manager.streams.getMessage(stream, { seq: 1, next_by_subj: filter } as { seq: number })),
  );
  const first = Math.min(...kept.flatMap((message) => (message ? [message.seq] : [])));
  if (first === Number.POSITIVE_INFINITY) return;
  // Also where nothing was delivered yet: the broker may have looked on, past what it was not to give.
  const { ack_floor: handled } = await manager.consumers.info(stream, name);
  await reset(turn, Math.min(first, handled.stream_seq + 1));
}

async function reset({ lease, manager, durable: { stream, name } }: Turn, seq: number): Promise<void> {
  lease.check();
  await manager.consumers.reset(stream, name, seq);
}
