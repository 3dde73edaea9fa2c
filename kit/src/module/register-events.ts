import type { DescMessage } from '@bufbuild/protobuf';
import { CALL_AUDITED, callAuditedType } from '../audit/index.ts';
import { assertReadable, type Bus, type EventSchema, eventSchema, type RegisteredSchema } from '../events/index.ts';
import { backoff, pause } from '../store/backoff.ts';
import type { Logger } from '../telemetry/index.ts';
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
  const subscribed = (parts.consumers ?? []).flatMap(({ subscriptions }) => subscriptions);
  const read = byType([...subscribed, ...(parts.follows ?? [])]);
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

/** The same for who starts without its bus: as soon as that answers, and again for as long as it cannot be. Gives what ends the trying. */
export function registerOnceAvailable(
  spec: AnyService,
  parts: ServiceParts<unknown>,
  bus: Bus,
  logger: Logger,
): () => Promise<void> {
  const stopping = new AbortController();
  const trying = async () => {
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      try {
        return await registerEvents(spec, parts, bus, await bus.schemas());
      } catch (err) {
        logger[attempt === 1 ? 'warn' : 'debug']({ err }, 'events not registered; trying again');
        await pause(backoff(attempt, 200, 5_000), stopping.signal);
      }
    }
  };
  const done = trying();
  return async () => {
    stopping.abort();
    await done;
  };
}

function isSame(wanted: readonly EventSchema[], standing: readonly EventSchema[]): boolean {
  const versionOf = ({ type, fingerprint }: EventSchema) => `${type} ${fingerprint}`;
  const versions = new Set(standing.map(versionOf));
  return versions.size === wanted.length && wanted.every((one) => versions.has(versionOf(one)));
}
