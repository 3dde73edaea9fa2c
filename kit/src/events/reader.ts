import type { DescMessage } from '@bufbuild/protobuf';
import { redactedJson } from '../telemetry/index.ts';
import type { Bus, Published } from './bus.ts';
import { messageOf } from './schema.ts';

/** Shows events to people. */
export interface EventReader {
  /** ProtoJSON without the fields that are marked debug_redact; empty when no registered version reads it. */
  json(event: Pick<Published, 'type' | 'payload'>): Promise<string>;
}

const LOOK_AGAIN_MS = 5_000;

/** Reads events of all services by the versions that they have registered. */
export function eventReader(bus: Pick<Bus, 'schemas'>, now: () => number): EventReader {
  let messages = new Map<string, DescMessage>();
  let looked = Number.NEGATIVE_INFINITY;
  const messageFor = async (type: string): Promise<DescMessage | undefined> => {
    if (!messages.has(type) && now() - looked >= LOOK_AGAIN_MS) {
      looked = now();
      const published = (await bus.schemas()).filter(({ publishers }) => publishers.length > 0);
      messages = new Map(published.reverse().map((schema) => [schema.type, messageOf(schema)]));
    }
    return messages.get(type);
  };
  return {
    async json({ type, payload }) {
      const message = await messageFor(type);
      return message ? redactedJson(message, payload) : '';
    },
  };
}
