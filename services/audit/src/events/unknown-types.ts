import type { Bus } from '@weft/kit/events';
import type { Logger } from '@weft/kit/telemetry';

export interface UnknownTypesParts {
  readonly bus: Pick<Bus, 'schemas'>;
  readonly logger: Logger;
  /** Is told of events that nobody knows, by their number. */
  readonly count: (events: number) => void;
}

/** What is beyond is of a type that is known soon, or of one stranger too many. */
const MOST_TYPES = 1_000;
const MOST_TEXT = 200;

/**
 * Events of types that no version of any service has ever registered. No consumer is given them: only who reads everything can tell. A service
 * registers its types before it publishes, so that what is not registered when it is looked up after it came is nobody's.
 */
export function unknownTypes({ bus, logger, count }: UnknownTypesParts) {
  let known: ReadonlySet<string> = new Set();
  let unclear = new Map<string, number>();
  const told = new Set<string>();
  const note = (type: string, events: number) => {
    if (unclear.has(type) || unclear.size < MOST_TYPES) unclear.set(type, (unclear.get(type) ?? 0) + events);
  };
  return {
    /** An event of that type was read. */
    saw(type: string): void {
      if (!known.has(type)) note(type, 1);
    },
    /** Looks up what is not known of those that were read, and tells: of each event in the count, of each type in one line. */
    async look(): Promise<void> {
      if (unclear.size === 0) return;
      const seen = unclear;
      unclear = new Map();
      try {
        known = new Set((await bus.schemas()).map(({ type }) => type));
      } catch (err) {
        for (const [type, events] of seen) note(type, events);
        logger.debug({ err }, 'types of events not looked up');
        return;
      }
      for (const [type, events] of seen) {
        if (known.has(type)) continue;
        count(events);
        if (told.has(type) || told.size >= MOST_TYPES) continue;
        told.add(type);
        logger.warn(
          { type: type.slice(0, MOST_TEXT), events },
          'events of a type that no service has registered: no consumer is given them',
        );
      }
    },
  };
}

export type UnknownTypes = ReturnType<typeof unknownTypes>;
