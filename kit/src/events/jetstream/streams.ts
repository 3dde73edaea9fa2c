import { isDeepStrictEqual } from 'node:util';
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { API, BusMisconfigured, isApiError } from './errors.ts';
import { ATTEMPTS, bucketTransform, LETTERS, streamOf } from './subjects.ts';

export interface StreamSettings {
  /** How long events are kept, and dead letters that have been dealt with. */
  readonly retentionMs: number;
  /** For so long an id is known to have been published. */
  readonly duplicateWindowMs: number;
  readonly replicas: number;
  readonly storage: 'file' | 'memory';
}

type Wanted = Partial<StreamConfig> & { readonly name: string; readonly subjects: string[] };

/** No larger message is taken: what becomes a dead letter has to fit in a message together with its error. */
const MAX_MESSAGE = 768 * 1024;

const common = ({ replicas, storage }: StreamSettings) => ({
  retention: RetentionPolicy.Limits,
  storage: storage === 'file' ? StorageType.File : StorageType.Memory,
  num_replicas: replicas,
});

export function eventStream(service: string, settings: StreamSettings): Wanted {
  return {
    ...common(settings),
    name: streamOf(service),
    description: `events of ${service}`,
    subjects: [`weft.${service}.*.*.*`],
    subject_transform: bucketTransform(service),
    max_age: nanos(settings.retentionMs),
    duplicate_window: nanos(Math.min(settings.duplicateWindowMs, settings.retentionMs)),
    max_msg_size: MAX_MESSAGE,
    discard: DiscardPolicy.Old,
    allow_direct: true,
  };
}

/** One message a letter, the last that is known of it; those that have been dealt with expire. */
export function letterStream(settings: StreamSettings): Wanted {
  return {
    ...common(settings),
    name: LETTERS,
    description: 'dead letters',
    subjects: [`${LETTERS}.>`],
    max_msgs_per_subject: 1,
    allow_msg_ttl: true,
    allow_direct: true,
  };
}

/** One message a bucket of a consumer. */
export function attemptStream(settings: StreamSettings): Wanted {
  return {
    ...common(settings),
    name: ATTEMPTS,
    description: 'messages that were given more than once',
    subjects: [`${ATTEMPTS}.>`],
    max_msgs_per_subject: 1,
    max_age: nanos(settings.retentionMs),
  };
}

/** What the server says cannot be changed once a stream is there. */
const FIXED: readonly string[] = ['storage', 'retention'];

/** Creates a stream where there is none. @throws BusMisconfigured */
export async function provideStream(manager: JetStreamManager, wanted: Wanted): Promise<StreamConfig> {
  const { config } = (await find(manager, wanted.name)) ?? (await create(manager, wanted));
  return config;
}

/** Creates a stream, or changes what is otherwise; nothing that it holds is removed. @throws BusMisconfigured */
export async function ensureStream(manager: JetStreamManager, wanted: Wanted, logger: Logger): Promise<void> {
  const { name } = wanted;
  const config = await provideStream(manager, wanted);
  const subjects = [...new Set([...config.subjects, ...wanted.subjects])];
  const changes = Object.entries({ ...wanted, subjects }).filter(
    ([key, value]) => !isDeepStrictEqual(config[key as keyof StreamConfig], value),
  );
  if (changes.length === 0) return;
  const told = changes.map(
    ([key, value]) => `${key} ${JSON.stringify(config[key as keyof StreamConfig])} -> ${JSON.stringify(value)}`,
  );
  const fixed = changes.some(([key]) => FIXED.includes(key));
  if (fixed) throw new BusMisconfigured(`stream ${name} cannot be changed (${told.join(', ')}); it was left alone`);
  try {
    await manager.streams.update(name, { ...config, ...Object.fromEntries(changes) });
    logger.info({ stream: name, changes: told }, 'stream changed');
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    const reason = `${error.message} (${told.join(', ')})`;
    throw new BusMisconfigured(`stream ${name} was left alone: ${reason}`, error);
  }
}

/** When its oldest message was published; undefined where it has none. */
export async function oldestIn(manager: JetStreamManager, name: string): Promise<Date | undefined> {
  const found = await find(manager, name);
  return found && found.state.messages > 0 ? new Date(found.state.first_ts) : undefined;
}

async function find(manager: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(name);
  } catch (error) {
    if (isApiError(error, API.streamNotFound)) return undefined;
    throw error;
  }
}

async function create(manager: JetStreamManager, wanted: Wanted): Promise<StreamInfo> {
  try {
    return await manager.streams.add(wanted);
  } catch (error) {
    // Another process was faster, with other settings.
    const found = await find(manager, wanted.name);
    if (found) return found;
    if (!(error instanceof JetStreamApiError)) throw error;
    throw new BusMisconfigured(`stream ${wanted.name} cannot be made: ${error.message}`, error);
  }
}
