import { randomUUID } from 'node:crypto';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const IN_FLIGHT = 256;
const STREAM = 'bench_raw';

/** Messages a second by js.publish with ids, 256 in flight, from one connection. */
export async function rawPublishing(url: string, messages: number, bytes: number): Promise<number> {
  const connection = await connect({ servers: url });
  try {
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: STREAM, subjects: [`${STREAM}.>`] });
    const client = jetstream(connection);
    const payload = Buffer.alloc(bytes, 'w');
    let sent = 0;
    const began = performance.now();
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        while (sent < messages) {
          const place = sent++;
          await client.publish(`${STREAM}.${place % 1000}`, payload, { msgID: randomUUID() });
        }
      }),
    );
    const seconds = (performance.now() - began) / 1000;
    await manager.streams.delete(STREAM);
    return messages / seconds;
  } finally {
    await connection.close();
  }
}
