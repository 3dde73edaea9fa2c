import { DomainError } from '../../failure/index.ts';
import { BUCKETS } from '../../store/hash.ts';
import { type Durable, whileNobodySkips } from './durables.ts';
import { API, isApiError } from './errors.ts';
import type { Line, Link } from './link.ts';
import { durableOf, EVENTS } from './subjects.ts';

type Manager = Line['manager'];

/** Streams of events that are there now. */
export async function eventStreams(manager: Manager): Promise<string[]> {
  const names: string[] = [];
  for await (const { config } of manager.streams.list(EVENTS)) names.push(config.name);
  return names;
}

/** Every bucket of the consumer goes back to the first message of then or later; one that has not come so far stays where it is. */
export async function rewindConsumer(link: Link, consumer: string, from: Date): Promise<void> {
  const { manager } = link.line;
  let known = false;
  for (const stream of await eventStreams(manager)) {
    if (!(await hears(manager, stream, consumer))) continue;
    known = true;
    const first = await manager.direct.getMessage(stream, { start_time: from });
    if (!first) continue;
    const names = Array.from({ length: BUCKETS }, (_, bucket) => durableOf(consumer, bucket));
    await Promise.all(names.map((name) => rewind(link, { consumer, stream, name, filters: [] }, first.seq)));
  }
  if (!known) throw new DomainError('not-found', 'CONSUMER_NOT_FOUND', 'the bus knows no such consumer');
}

async function rewind(link: Link, durable: Durable, to: number): Promise<void> {
  await whileNobodySkips(link, durable, async (reset) => {
    const { ack_floor: handled } = await link.line.manager.consumers.info(durable.stream, durable.name);
    // A reset goes forward as well: past what has still to be handled.
    if (to <= handled.stream_seq) await reset(to);
  });
}

async function hears(manager: Manager, stream: string, consumer: string): Promise<boolean> {
  try {
    await manager.consumers.info(stream, durableOf(consumer, 0));
    return true;
  } catch (error) {
    if (isApiError(error, API.consumerNotFound)) return false;
    throw error;
  }
}
