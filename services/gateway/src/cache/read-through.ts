import { hash } from 'node:crypto';
import { fromBinary } from '@bufbuild/protobuf';
import { RemoteError, status, type User } from '@weft/kit/rpc';
import type { Answer } from '../edge/answer.ts';
import type { Arrival } from '../edge/arrival.ts';
import { isAway } from '../edge/failure.ts';
import type { EdgeMethod } from '../edge/methods.ts';
import { type Patience, patiently } from '../resilience/patience.ts';
import type { Lookup } from './lookup.ts';
import type { Absence, Copy, CopyStore } from './store.ts';

/**
 * Asks the service.
 * @param deadline epoch milliseconds of the client's own; Infinity where only the contract's counts
 */
export type Ask = (signal: AbortSignal, deadline: number) => Promise<Uint8Array>;

export interface CopiesOptions {
  /** Undefined: no copies at all. */
  readonly store: CopyStore | undefined;
  readonly methods: Iterable<EdgeMethod>;
  readonly now: () => number;
  /** Is told what became of each lookup, by the method's name. */
  readonly onLookup: (method: string, outcome: Lookup) => void;
}

/** Keeps what a service has answered, as far as the contract has it kept. */
type Keep = (answer: Pick<Copy, 'bytes' | 'absent'>) => Promise<void>;

interface Flight {
  readonly aggregate: string;
  readonly answer: Promise<Uint8Array>;
  waiting: number;
  readonly leave: AbortController;
}

/** So long it is remembered that there is no such thing. */
const ABSENT_MS = 2_000;
const MOST_FLIGHTS = 10_000;

export type Copies = ReturnType<typeof createCopies>;

/**
 * Copies of what services answered, as far as contracts allow: given without asking while they are fresh and events are
 * followed, and in place of an answer while a service is away. Of many that ask for the same at once one asks the service.
 */
export function createCopies({ store, methods, now, onLookup }: CopiesOptions) {
  const endings = endingsOf(methods);
  // By what is asked for. What is answered to one that is not here (any more) is not kept: no change of its aggregate finds it.
  const flights = new Map<string, Flight>();
  // Events are not followed yet: nothing is known to be fresh.
  let freshFrom = Number.POSITIVE_INFINITY;

  async function end(aggregate: string): Promise<void> {
    for (const [id, flight] of flights) if (flight.aggregate === aggregate) flights.delete(id);
    await store?.end(aggregate);
  }

  async function answerOf(flight: Flight, patience: Patience): Promise<Uint8Array> {
    flight.waiting += 1;
    try {
      return await patiently(flight.answer, patience);
    } finally {
      flight.waiting -= 1;
      if (flight.waiting === 0) flight.leave.abort();
    }
  }

  function launch(id: string, aggregate: string, ask: Ask, keep: Keep): Flight {
    // Several may wait for it: it ends with the last of them, or when the method's own time is over.
    const leave = new AbortController();
    const isAloft = () => flights.get(id) === flight;
    const land = () => {
      if (isAloft()) flights.delete(id);
    };
    leave.signal.addEventListener('abort', land, { once: true });
    const fly = async () => {
      try {
        const bytes = await ask(leave.signal, Number.POSITIVE_INFINITY);
        if (isAloft()) await keep({ bytes });
        return bytes;
      } catch (error) {
        if (isAloft() && isNotFound(error)) await keep({ absent: absenceOf(error) });
        throw error;
      } finally {
        land();
      }
    };
    const answer = Promise.resolve().then(fly);
    answer.catch(() => {});
    const flight: Flight = { aggregate, answer, waiting: 0, leave };
    if (flights.size < MOST_FLIGHTS) flights.set(id, flight);
    return flight;
  }

  async function readCopied(
    method: EdgeMethod,
    request: Uint8Array,
    user: User | undefined,
    patience: Patience,
    ask: Ask,
    kept: CopyStore,
  ): Promise<Answer> {
    const { cacheable, roles, name } = method.contract;
    if (!cacheable) throw new Error(`${name} is not cacheable`);
    const viewer = roles.has('public') ? '' : (user?.id ?? '');
    const variant = `${viewer}:${hash('sha256', request, 'base64url')}`;
    // What no event and no write ends has nothing to be forgotten together with.
    const aggregate = aggregateOf(method, cacheable.key === '' ? variant : idIn(method, request, cacheable.key));
    const copy = await kept.get(aggregate, variant);
    const age = copy ? now() - copy.at : Number.POSITIVE_INFINITY;
    const fresh = copy && copy.at >= freshFrom && age < (copy.absent ? ABSENT_MS : cacheable.fresh);
    if (fresh && cacheable.fresh > 0) {
      onLookup(name, copy.absent ? 'absent' : 'fresh');
      return copyOf(copy, age, false);
    }
    const id = `${aggregate} ${variant}`;
    const shared = flights.get(id);
    const keep: Keep = async (answer) => {
      if (answer.absent && cacheable.fresh === 0) return;
      await kept.put(aggregate, variant, { at: now(), ...answer }, answer.absent ? ABSENT_MS : cacheable.stale);
    };
    const flight = shared ?? launch(id, aggregate, ask, keep);
    let outcome: Lookup = shared ? 'shared' : 'miss';
    try {
      const bytes = await answerOf(flight, patience);
      return { bytes, age: undefined, stale: false };
    } catch (error) {
      if (isAway(error) && copy?.bytes && age < cacheable.stale) {
        outcome = 'stale';
        return copyOf(copy, age, true);
      }
      throw error;
    } finally {
      onLookup(name, outcome);
    }
  }

  return {
    async read(method: EdgeMethod, request: Uint8Array, user: User | undefined, arrival: Arrival, ask: Ask) {
      const { contract } = method;
      if (store && contract.cacheable) return readCopied(method, request, user, arrival, ask, store);
      const bytes = await ask(arrival.signal, arrival.deadline);
      const changed = store && endings.byWrite.get(contract.name);
      for (const { read, key } of changed ?? []) await end(aggregateOf(read, idIn(method, request, key)));
      return { bytes, age: undefined, stale: false } satisfies Answer;
    },
    /** Types of the events that end copies. */
    types: [...endings.byEvent.keys()],
    /** An event has come: copies of its aggregate are of the past. */
    async changed(type: string, key: string): Promise<void> {
      for (const read of endings.byEvent.get(type) ?? []) await end(aggregateOf(read, key));
    },
    /** Events are followed from this time on (epoch milliseconds); Infinity: they are not. */
    follows(since: number): void {
      freshFrom = since;
    },
  };
}

function copyOf({ bytes, absent }: Copy, age: number, stale: boolean): Answer {
  if (bytes) return { bytes, age: Math.max(0, Math.floor(age / 1000)), stale };
  const { reason = 'NOT_FOUND', message = 'there is no such thing', metadata = {} } = absent ?? {};
  throw new RemoteError(status.NOT_FOUND, reason, message, metadata);
}

const isNotFound = (error: unknown): error is RemoteError =>
  error instanceof RemoteError && error.code === status.NOT_FOUND;

const absenceOf = ({ reason, message, metadata }: RemoteError): Absence => ({ reason, message, metadata });

function idIn({ descriptor }: EdgeMethod, request: Uint8Array, key: string): string {
  return String((fromBinary(descriptor.input, request) as unknown as Record<string, unknown>)[key]);
}

/** What copies of a read are forgotten together with: the same for every way of writing an id. Source: RFC 9562, 4. */
function aggregateOf({ contract: { name, cacheable } }: EdgeMethod, id: string): string {
  return `${name}:${(cacheable?.keyIsUuid ? id.toLowerCase() : id).slice(0, 128)}`;
}

interface Ended {
  readonly read: EdgeMethod;
  readonly key: string;
}

/** What ends copies: events by their type, and writes of the same service that name the same aggregate. */
function endingsOf(methods: Iterable<EdgeMethod>) {
  const byEvent = new Map<string, EdgeMethod[]>();
  const byWrite = new Map<string, Ended[]>();
  const all = [...methods];
  for (const read of all) {
    const { cacheable } = read.contract;
    if (!cacheable || cacheable.fresh === 0) continue;
    const { key } = cacheable;
    for (const type of cacheable.endedBy) byEvent.set(type, [...(byEvent.get(type) ?? []), read]);
    for (const other of all) {
      if (other.service !== read.service || other.contract.cacheable || other.contract.stream) continue;
      if (other.contract.readOnly || !other.descriptor.input.fields.some(({ localName }) => localName === key))
        continue;
      byWrite.set(other.contract.name, [...(byWrite.get(other.contract.name) ?? []), { read, key }]);
    }
  }
  return { byEvent, byWrite };
}
