import { type DescMessage, fromBinary, toJsonString } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
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

function redactedJson(desc: DescMessage, payload: Uint8Array): string {
  try {
    const message = fromBinary(desc, payload);
    redact(reflect(desc, message));
    return toJsonString(desc, message);
  } catch {
    return '';
  }
}

function redact(message: ReflectMessage): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.proto.options?.debugRedact) message.clear(field);
    else if (field.fieldKind === 'message') redact(message.get(field));
    else if (field.fieldKind === 'list' && field.listKind === 'message') {
      for (const item of message.get(field)) redact(item as ReflectMessage);
    } else if (field.fieldKind === 'map' && field.mapKind === 'message') {
      for (const [, item] of message.get(field)) redact(item as ReflectMessage);
    }
  }
}
