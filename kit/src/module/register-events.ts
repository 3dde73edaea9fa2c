import type { DescMessage } from '@bufbuild/protobuf';
import { CALL_AUDITED, callAuditedType } from '../audit/index.ts';
import { assertReadable, type Bus, type EventSchema, eventSchema, type RegisteredSchema } from '../events/index.ts';
import type { AnyService, ServiceParts } from './service.ts';

export const typesOf = ({ publishes = [] }: AnyService): string[] => publishes.map(({ type }) => type);

/**
 * Refuses to start where what is on the bus would be read as something else.
 * @param known what the bus had when this start began
 */
export async function registerEvents(
  spec: AnyService,
  parts: ServiceParts<unknown>,
  bus: Bus,
  known: readonly RegisteredSchema[],
): Promise<void> {
  const byType = (events: readonly { type: string; schema: DescMessage }[]) =>
    new Map(events.map(({ type, schema }) => [type, schema]));
  const audited = { type: callAuditedType(spec.name), schema: CALL_AUDITED };
  const published = byType([...(spec.publishes ?? []), audited]);
  const read = byType((parts.consumers ?? []).flatMap(({ subscriptions }) => subscriptions));
  const schemas = (events: ReadonlyMap<string, DescMessage>) =>
    [...events].map(([type, message]) => eventSchema(type, message));
  assertReadable([...published, ...read], known);
  const [publishes, reads] = [schemas(published), schemas(read)];
  const stands =
    isSame(
      publishes,
      known.filter(({ publishers }) => publishers.includes(spec.name)),
    ) &&
    isSame(
      reads,
      known.filter(({ readers }) => readers.includes(spec.name)),
    );
  if (stands) return;
  await bus.registerSchemas(spec.name, publishes, reads);
  // Another version may have come while this one started.
  assertReadable([...published, ...read], await bus.schemas());
}

function isSame(wanted: readonly EventSchema[], standing: readonly EventSchema[]): boolean {
  const versionOf = ({ type, fingerprint }: EventSchema) => `${type} ${fingerprint}`;
  const versions = new Set(standing.map(versionOf));
  return versions.size === wanted.length && wanted.every((one) => versions.has(versionOf(one)));
}
