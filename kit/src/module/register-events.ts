import type { DescMessage } from '@bufbuild/protobuf';
import { CALL_AUDITED, callAuditedType } from '../audit/index.ts';
import { assertReadable, type Bus, eventSchema } from '../events/index.ts';
import type { AnyService, ServiceParts } from './service.ts';

export const typesOf = ({ publishes = [] }: AnyService): string[] => publishes.map(({ type }) => type);

/** Refuses to start where what is on the bus would be read as something else. */
export async function registerEvents(spec: AnyService, parts: ServiceParts<unknown>, bus: Bus): Promise<void> {
  const byType = (events: readonly { type: string; schema: DescMessage }[]) =>
    new Map(events.map(({ type, schema }) => [type, schema]));
  const audited = { type: callAuditedType(spec.name), schema: CALL_AUDITED };
  const published = byType([...(spec.publishes ?? []), audited]);
  const read = byType((parts.consumers ?? []).flatMap(({ subscriptions }) => subscriptions));
  const schemas = (events: ReadonlyMap<string, DescMessage>) =>
    [...events].map(([type, message]) => eventSchema(type, message));
  assertReadable([...published, ...read], await bus.schemas());
  await bus.registerSchemas(spec.name, schemas(published), schemas(read));
}
