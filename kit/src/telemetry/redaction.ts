import { type DescMessage, fromBinary, toJsonString } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';

/** ProtoJSON of an encoded message without the fields that its contract marks debug_redact; empty where it cannot be read. */
export function redactedJson(desc: DescMessage, encoded: Uint8Array): string {
  try {
    const message = fromBinary(desc, encoded, { readUnknownFields: false });
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
