import { hash } from 'node:crypto';
import { fromBinary } from '@bufbuild/protobuf';
import { RemoteError, status, type User } from '@weft/kit/rpc';
import type { Arrival } from '../edge/arrival.ts';
import type { Answer } from '../edge/edge.ts';
import { isAway } from '../edge/failure.ts';
import type { EdgeMethod } from '../edge/methods.ts';
import { Cancelled } from '../resilience/cancelled.ts';
import type { CopyStore } from './store.ts';

/** Asks the service. */
export type Ask = (signal: AbortSignal | undefined, deadline: number) => Promise<Uint8Array>;

export interface CopiesOptions {
  /** Undefined: no copies at all. */
  readonly store: CopyStore | undefined;
  readonly methods: Iterable<EdgeMethod>;
  readonly now: () => number;
}

interface Flight {
  readonly aggregate: string;
  readonly answer: Promise<Uint8Array>;
  /** The aggregate has changed meanwhile: what is answered is not kept. */
  ended: boolean;
}

/** So long it is remembered that there is no such thing. */
const ABSENT_MS = 2_000;
const MOST_FLIGHTS = 10_000;

export type Copies = ReturnType<typeof createCopies>;

/**
 * Copies of what services answered, as far as contracts allow: given without asking while they are fresh and events are
 * followed, and in place of an answer while a service is away. Of many that ask for the same at once one asks the service.
 */
export function createCopies({ store, methods, now }: CopiesOptions) {
  const endings = endingsOf(methods);
  const flights = new Map<string, Flight>();
  // Events are not followed yet: nothing is known to be fresh.
  let freshFrom = Number.POSITIVE_INFINITY;

  async function end(aggregate: string): Promise<void> {
    for (const flight of flights.values()) if (flight.aggregate === aggregate) flight.ended = true;
    await store?.end(aggregate);
  }

  function answerOf(flight: Flight, signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const leave = () => reject(new Cancelled());
      if (signal.aborted) return leave();
      signal.addEventListener('abort', leave, { once: true });
      flight.answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });
  }

  function launch(id: string, aggregate: string, method: EdgeMethod, ask: Ask): Flight {
    const { timeout } = method.contract;
    // Several wait for it: none of them may cut it short.
    const answer = ask(undefined, now() + timeout).finally(() => flights.delete(id));
    answer.catch(() => {});
    const flight: Flight = { aggregate, answer, ended: false };
    if (flights.size < MOST_FLIGHTS) flights.set(id, flight);
    return flight;
  }

  async function readCopied(
    method: EdgeMethod,
    request: Uint8Array,
    user: User | undefined,
    signal: AbortSignal,
    ask: Ask,
    kept: CopyStore,
  ): Promise<Answer> {
    const { cacheable, roles, name } = method.contract;
    if (!cacheable) throw new Error(`${name} is not cacheable`);
    const aggregate = cacheable.key === '' ? name : `${name}:${aggregateOf(method, request, cacheable.key)}`;
    const viewer = roles.has('public') ? '' : (user?.id ?? '');
    const variant = `${viewer}:${hash('sha256', request, 'base64url')}`;
    const copy = await kept.get(aggregate, variant);
    const age = copy ? now() - copy.at : Number.POSITIVE_INFINITY;
    const fresh = copy && copy.at >= freshFrom && age < (copy.bytes ? cacheable.fresh : ABSENT_MS);
    if (fresh && cacheable.fresh > 0) return copyOf(copy.bytes, age, false);
    const id = `${aggregate} ${variant}`;
    const flight = flights.get(id) ?? launch(id, aggregate, method, ask);
    try {
      const bytes = await answerOf(flight, signal);
      if (!flight.ended) await kept.put(aggregate, variant, { at: now(), bytes }, cacheable.stale);
      return { bytes, age: undefined, stale: false };
    } catch (error) {
      if (isNotFound(error) && cacheable.fresh > 0 && !flight.ended)
        await kept.put(aggregate, variant, { at: now(), bytes: undefined }, ABSENT_MS);
      if (isAway(error) && copy?.bytes && age < cacheable.stale) return copyOf(copy.bytes, age, true);
      throw error;
    }
  }

  return {
    async read(method: EdgeMethod, request: Uint8Array, user: User | undefined, arrival: Arrival, ask: Ask) {
      const { contract } = method;
      if (store && contract.cacheable) return readCopied(method, request, user, arrival.signal, ask, store);
      const bytes = await ask(arrival.signal, now() + contract.timeout);
      const changed = store && endings.byWrite.get(contract.name);
      for (const { name, key } of changed ?? []) await end(`${name}:${aggregateOf(method, request, key)}`);
      return { bytes, age: undefined, stale: false } satisfies Answer;
    },
    /** Types of the events that end copies. */
    types: [...endings.byEvent.keys()],
    /** An event has come: copies of its aggregate are of the past. */
    async changed(type: string, key: string): Promise<void> {
      for (const name of endings.byEvent.get(type) ?? []) await end(`${name}:${key}`);
    },
    /** Events are followed from this time on (epoch milliseconds); Infinity: they are not. */
    follows(since: number): void {
      freshFrom = since;
    },
  };
}

function copyOf(bytes: Uint8Array | undefined, age: number, stale: boolean): Answer {
  if (!bytes) throw new RemoteError(status.NOT_FOUND, 'NOT_FOUND', 'there is no such thing');
  return { bytes, age: Math.max(0, Math.floor(age / 1000)), stale };
}

const isNotFound = (error: unknown): boolean => error instanceof RemoteError && error.code === status.NOT_FOUND;

function aggregateOf({ descriptor }: EdgeMethod, request: Uint8Array, key: string): string {
  return String((fromBinary(descriptor.input, request) as unknown as Record<string, unknown>)[key]).slice(0, 128);
}

interface Ended {
  readonly name: string;
  readonly key: string;
}

/** What ends copies: events by their type, and writes of the same service that name the same aggregate. */
function endingsOf(methods: Iterable<EdgeMethod>) {
  const byEvent = new Map<string, string[]>();
  const byWrite = new Map<string, Ended[]>();
  const all = [...methods];
  for (const { contract, service } of all) {
    const { cacheable, name } = contract;
    if (!cacheable || cacheable.fresh === 0) continue;
    for (const type of cacheable.endedBy) byEvent.set(type, [...(byEvent.get(type) ?? []), name]);
    for (const other of all) {
      if (other.service !== service || other.contract.cacheable || other.contract.stream) continue;
      const reads = other.descriptor.idempotency === 1;
      if (reads || !other.descriptor.input.fields.some(({ localName }) => localName === cacheable.key)) continue;
      byWrite.set(other.contract.name, [...(byWrite.get(other.contract.name) ?? []), { name, key: cacheable.key }]);
    }
  }
  return { byEvent, byWrite };
}
