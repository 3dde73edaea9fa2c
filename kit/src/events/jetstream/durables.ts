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
import { API, BusMisconfigured, isApiError } from './errors.ts';

/** What a durable consumer is given: one message at a time, so that none overtakes one that is still in hand. */
export interface Durable {
  readonly stream: string;
  readonly name: string;
  /** At least these: other versions of the consumer may have it given more. */
  readonly filters: readonly string[];
}

/** In the metadata of a durable consumer: filters that are new, and that it has not gone back for. */
const BEHIND = 'weft-behind';

/** In the metadata of a durable consumer: somebody has it go back, and nobody else moves it meanwhile. */
const GOES_BACK = 'weft-goes-back';
/** An instance that was about to move it forward has done so by then. */
const SKIPPED_MS = 300;

/** What the broker gives a durable consumer. */
export const filtersOf = ({ filter_subjects, filter_subject }: ConsumerConfig): string[] =>
  filter_subjects ?? (filter_subject ? [filter_subject] : []);

const missing = (config: ConsumerConfig, filters: readonly string[]): string[] => {
  const standing = new Set(filtersOf(config));
  return filters.filter((filter) => !standing.has(filter));
};

/** Whether the broker gives the durable consumer all that it is meant for. */
export const isGivenAll = ({ config }: ConsumerInfo, { filters }: Durable): boolean =>
  missing(config, filters).length === 0;

/**
 * Makes a durable consumer, or has one that is there given what it is not yet: then it goes back to the first message of that which is kept.
 * What other versions of the consumer have it given stays. @throws BusMisconfigured
 */
export async function ensureDurable(manager: JetStreamManager, durable: Durable, ackWaitMs: number): Promise<void> {
  const { stream, name, filters } = durable;
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
    await change(manager, durable, changeable);
  }
}

async function change(
  manager: JetStreamManager,
  { stream, name, filters }: Durable,
  changeable: Partial<ConsumerConfig>,
): Promise<void> {
  const { config } = await manager.consumers.info(stream, name);
  const standing = filtersOf(config);
  const added = missing(config, filters);
  // Whoever adds a filter may end before it has gone back: then the next one does.
  const behind = [...new Set([...(config.metadata?.[BEHIND]?.split(' ') ?? []), ...added])].filter(Boolean);
  const same = (Object.keys(changeable) as (keyof ConsumerConfig)[]).every((key) => config[key] === changeable[key]);
  if (added.length > 0 || !same) {
    const metadata = { ...config.metadata, ...(behind.length > 0 && { [BEHIND]: behind.join(' ') }) };
    await update(manager, stream, name, { ...changeable, filter_subjects: [...standing, ...added], metadata });
  }
  if (behind.length > 0) {
    await delay(SKIPPED_MS);
    await goBack(manager, stream, name, behind);
  }
  const { [BEHIND]: _, [GOES_BACK]: __, ...metadata } = config.metadata ?? {};
  if (behind.length > 0 || config.metadata?.[GOES_BACK]) await update(manager, stream, name, { metadata });
}

/** Whether somebody is about to have the durable consumer go back. */
export const goesBack = ({ config: { metadata = {} } }: ConsumerInfo): boolean =>
  BEHIND in metadata || GOES_BACK in metadata;

/** Does what has the durable consumer go back, when no instance moves it forward any more. */
export async function whileNobodySkips(
  manager: JetStreamManager,
  stream: string,
  name: string,
  work: () => Promise<void>,
): Promise<void> {
  const { metadata = {} } = (await manager.consumers.info(stream, name)).config;
  await update(manager, stream, name, { metadata: { ...metadata, [GOES_BACK]: 'yes' } });
  try {
    await delay(SKIPPED_MS);
    await work();
  } finally {
    await update(manager, stream, name, { metadata });
  }
}

/** To the first message of these filters; what was in hand is given once more. */
async function goBack(manager: JetStreamManager, stream: string, name: string, filters: readonly string[]) {
  const kept = await Promise.all(
    filters.map((filter) => manager.streams.getMessage(stream, { seq: 1, next_by_subj: filter } as { seq: number })),
  );
  const first = Math.min(...kept.flatMap((message) => (message ? [message.seq] : [])));
  const { ack_floor: handled, delivered } = await manager.consumers.info(stream, name);
  if (first > delivered.stream_seq) return;
  await manager.consumers.reset(stream, name, Math.min(first, handled.stream_seq + 1));
}

/** The durable consumer is not given that any more, until somebody asks for it again. */
export async function withdraw(manager: JetStreamManager, { stream, name }: Durable, filter: string): Promise<void> {
  const { config } = await manager.consumers.info(stream, name);
  const left = filtersOf(config).filter((one) => one !== filter);
  if (left.length > 0) await update(manager, stream, name, { filter_subjects: left });
}

async function update(manager: JetStreamManager, stream: string, name: string, config: Partial<ConsumerConfig>) {
  try {
    await manager.consumers.update(stream, name, config);
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    throw new BusMisconfigured(`consumer ${name} of stream ${stream} was left alone: ${error.message}`, error);
  }
}
