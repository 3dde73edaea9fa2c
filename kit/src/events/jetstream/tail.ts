import { type ConsumerMessages, DeliverPolicy, type JsMsg, jetstream } from '@nats-io/jetstream';
import { Alarm } from '../../store/backoff.ts';
import type { Tailed, TailOptions } from '../bus.ts';
import { plainHeaders, roughly } from './envelope.ts';
import type { Line } from './link.ts';
import { eventStreams } from './replay.ts';
import { serviceOf, streamOf } from './subjects.ts';

const LOOK_MS = 1_000;
const MOST_WAITING = 500;

/**
 * Streams of the services whose events are wanted, each in its order; one that is new is found within a second. Ends with the connection.
 * @throws when one of them cannot be read on: whoever reads begins again after what it has had.
 */
export async function* tailStreams(
  { connection, manager }: Line,
  { types, from, after, signal }: TailOptions,
): AsyncGenerator<Tailed> {
  const start = from ?? new Date();
  const wanted = types && new Set(types);
  const streams = types && new Set(types.map((type) => streamOf(serviceOf(type))));
  const waiting: Tailed[] = [];
  const alarm = new Alarm();
  const followed = new Map<string, ConsumerMessages>();
  let failure: unknown;
  let ended = false;
  const follow = async (stream: string) => {
    const consumer = await jetstream(connection).consumers.get(
      stream,
      after
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Number(after.get(stream) ?? 0n) + 1 }
        : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: start.toISOString() },
    );
    const messages = await consumer.consume({ max_messages: MOST_WAITING, abort_on_missing_resource: true });
    followed.set(stream, messages);
    read(stream, messages).then(
      () => lost(stream, messages, new Error(`nothing more is read of ${stream}`)),
      (error) => lost(stream, messages, error),
    );
  };
  const lost = (stream: string, messages: ConsumerMessages, error: unknown) => {
    if (ended || followed.get(stream) !== messages) return;
    followed.delete(stream);
    failure ??= error;
    alarm.wake();
  };
  const read = async (stream: string, messages: ConsumerMessages) => {
    for await (const message of messages) {
      const event = toTailed(stream, message);
      if (wanted && !wanted.has(event.type)) continue;
      waiting.push(event);
      alarm.wake();
      if (waiting.length >= MOST_WAITING) await emptied();
    }
  };
  let room = () => {};
  const emptied = () =>
    new Promise<void>((resolve) => {
      const before = room;
      room = () => {
        before();
        resolve();
      };
    });
  const wake = () => alarm.wake();
  signal.addEventListener('abort', wake);
  try {
    for (let looked = Number.NEGATIVE_INFINITY; !signal.aborted && !connection.isClosed(); ) {
      if (performance.now() - looked >= LOOK_MS) {
        looked = performance.now();
        for (const stream of await eventStreams(manager)) {
          if (!followed.has(stream) && (streams?.has(stream) ?? true)) await follow(stream);
        }
      }
      for (let event = waiting.shift(); event && !signal.aborted; event = waiting.shift()) yield event;
      if (failure !== undefined && !signal.aborted && !connection.isClosed()) throw failure;
      room();
      room = () => {};
      if (waiting.length === 0) await alarm.sleep(LOOK_MS);
    }
  } finally {
    ended = true;
    signal.removeEventListener('abort', wake);
    room();
    await Promise.allSettled([...followed.values()].map((messages) => messages.close()));
  }
}

function toTailed(stream: string, { subject, headers, data, seq, info }: JsMsg): Tailed {
  const publishedAt = new Date(info.timestampNanos / 1e6);
  return { ...roughly(subject, plainHeaders(headers), data), stream, position: BigInt(seq), publishedAt };
}
