import { randomUUID } from 'node:crypto';
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';

const IN_FLIGHT = 256;
const STREAM = 'bench_raw';
const DURABLE = 'bench';

/** Messages a second, from one connection. */
export interface Raw {
  /** By js.publish with ids, 256 in flight. */
  readonly publish: number;
  /** Pulled and acknowledged, with nothing done about them. */
  readonly consume: number;
}

export async function rawJetStream(url: string, messages: number, bytes: number): Promise<Raw> {
  const connection = await connect({ servers: url });
  try {
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: STREAM, subjects: [`${STREAM}.>`] });
    const publish = messages / (await seconds(() => publishAll(connection, messages, bytes)));
    await manager.consumers.add(STREAM, { durable_name: DURABLE, ack_policy: AckPolicy.Explicit });
    const consume = messages / (await seconds(() => consumeAll(connection, messages)));
    await manager.streams.delete(STREAM);
    return { publish, consume };
  } finally {
    await connection.close();
  }
}

async function publishAll(connection: NatsConnection, messages: number, bytes: number): Promise<void> {
  const client = jetstream(connection);
  const payload = Buffer.alloc(bytes, 'w');
  let sent = 0;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (sent < messages) {
        const place = sent++;
        await client.publish(`${STREAM}.${place % 1000}`, payload, { msgID: randomUUID() });
      }
    }),
  );
}

async function consumeAll(connection: NatsConnection, messages: number): Promise<void> {
  const consumer = await jetstream(connection).consumers.get(STREAM, DURABLE);
  const taken = await consumer.consume({ max_messages: 1_000 });
  let left = messages;
  for await (const message of taken) {
    message.ack();
    if (--left === 0) break;
  }
  await connection.flush();
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}
