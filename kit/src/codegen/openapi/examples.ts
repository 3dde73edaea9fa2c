import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { rulesOf, scalarKeywords } from './rules.ts';
import { given, type Json, type Schema } from './schema.ts';
import { textOf } from './text.ts';

/** Examples of what is answered. */
export interface Examples {
  /** The keyword for a field; nothing where there is no good one. */
  of(field: DescField): Schema;
}

const SPOKEN = /\b[Ff]or example ([\w.:/-]*\w)/;
const UUID = '01a1ffb5-2554-7040-ae9b-8a4354e63942';

/** What the kit gives to any method has no rules anywhere. */
const OF_THE_KIT: Readonly<Record<string, string>> = {
  next_page_token: 'MDFhMWZmYjUtMjU1NA',
  resume_token: 'NDI',
  correlation_id: '5f0c3f0e-7a0b-4f7e-9d53-3a0c1c6a9b11',
};

/**
 * Of a field that is answered the example is its own, or the one in its comment, or that of a field of the same name which is
 * asked for: answers have no rules that would say more.
 */
export function examplesOf(requests: readonly DescMessage[]): Examples {
  const asked = new Map<string, Json>();
  const seen = new Set<DescMessage>();
  const note = (message: DescMessage): void => {
    if (seen.has(message)) return;
    seen.add(message);
    for (const field of message.fields) {
      const own = ownExample(field);
      if (own !== undefined && !asked.has(field.name)) asked.set(field.name, own);
      if (field.message) note(field.message);
    }
  };
  for (const message of requests) note(message);
  return {
    of(field) {
      if (field.fieldKind !== 'scalar') return {};
      const example = ownExample(field) ?? (isText(field) ? spoken(textOf(field)) : undefined) ?? asked.get(field.name);
      return given({ examples: example === undefined ? undefined : [example] });
    },
  };
}

const isText = (field: DescField): boolean => field.fieldKind === 'scalar' && field.scalar === ScalarType.STRING;

const spoken = (comment: string): string | undefined =>
  SPOKEN.exec(comment)?.[1] ?? (/\bUUID\b/.test(comment) ? UUID : undefined);

function ownExample(field: DescField): Json | undefined {
  if (field.fieldKind !== 'scalar') return undefined;
  const { examples, format } = scalarKeywords(field.scalar, rulesOf(field));
  if (Array.isArray(examples)) return examples[0] as Json;
  if (!isText(field)) return undefined;
  return format === 'uuid' ? UUID : format === 'email' ? 'ada@shop.example' : OF_THE_KIT[field.name];
}
