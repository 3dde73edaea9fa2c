import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { jetstreamManager } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { connect, type Msg } from '@nats-io/transport-node';
import { type ServerOptions, serverOf } from '../events/jetstream/server.ts';
import { REGISTRY as BUCKET } from '../events/jetstream/subjects.ts';
import { Alarm } from '../store/backoff.ts';
import type { Logger } from '../telemetry/index.ts';
import { within } from '../time/index.ts';

const SUBJECT = `$KV.${BUCKET}.>`;
const OPERATION = 'KV-Operation';
/** More of them than this are not heard of. */
const MAX_INSTANCES = 1024;
const ANSWER_MS = 3_000;
const LEAVE_MS = 1_000;

export interface RegistryOptions extends ServerOptions {
  /** Of this process, for the broker's own lists. */
  readonly name: string;
  readonly logger: Logger;
  /** For so long an instance is known that has said nothing; it says something three times as often. Milliseconds. */
  readonly ttl: number;
  /** Between two looks; what changes is heard of at once besides. Milliseconds. */
  readonly pollEvery: number;
  readonly replicas?: number;
}

export interface Registration {
  /** Takes it back; bounded in time. Without it the instance is forgotten after the ttl. */
  deregister(): Promise<void>;
}

/** Where the instances of services are, in places without Kubernetes. */
export interface Registry {
  /** Has a service known at host:port until that is taken back, or this process is gone. */
  register(service: string, address: string): Promise<Registration>;
  /**
   * Tells of all addresses of a service, sorted: soon, and whenever they change. While the registry is away, what was last
   * known is. Gives what ends it.
   */
  watch(service: string, listener: (addresses: readonly string[]) => void): () => void;
  /** Looks at once rather than with the next turn. */
  refresh(): void;
  close(): Promise<void>;
}

/** Connects to the registry. Throws one clear line when that cannot be done. */
export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  const { logger, ttl, pollEvery, name, replicas = 1 } = options;
  const { connection: where, address } = serverOf(options);
  const connection = await connect({ ...where, name, timeout: 2_000, maxReconnectAttempts: -1 }).catch((error) => {
    throw new Error(`registry at ${address}: ${(error as Error).message}`, { cause: error });
  });
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: ANSWER_MS });
  const open = (): Promise<KV> => new Kvm(connection).create(BUCKET, { ttl, history: 1, replicas });
  let bucket = await open();
  // Whoever came first has made it, with a time of its own.
  const heartbeatEvery = Math.min(ttl, (await bucket.status()).ttl) / 3;

  const watches = new Map<string, Set<(addresses: readonly string[]) => void>>();
  const alarm = new Alarm();
  let known: ReadonlyMap<string, readonly string[]> | undefined;
  let keys: ReadonlyMap<string, string> = new Map();
  const hearts = new Set<NodeJS.Timeout>();
  let closed = false;
  let failing = false;

  const look = async () => {
    const found = new Map<string, string>();
    const filter = { multi_last: [SUBJECT], batch: MAX_INSTANCES };
    for await (const message of await manager.direct.getLastMessagesFor(`KV_${BUCKET}`, filter)) {
      if (message.header?.get(OPERATION)) continue;
      found.set(message.subject, message.string());
    }
    keys = found;
    const before = known;
    const now = byService(found);
    known = now;
    for (const [service, listeners] of watches) {
      if (before && isDeepStrictEqual(before.get(service), now.get(service))) continue;
      for (const listener of listeners) listener(now.get(service) ?? []);
    }
  };
  const looking = (async () => {
    for (; !closed; await alarm.sleep(pollEvery)) {
      if (watches.size === 0) continue;
      try {
        await within(ANSWER_MS, look(), () => Promise.reject(new Error('no answer')));
        if (failing) logger.info({ registry: address }, 'the registry answers again');
        failing = false;
      } catch (err) {
        if (!failing && !closed) logger.warn({ err, registry: address }, 'the registry is away: what was known stays');
        failing = true;
      }
    }
  })();
  // Most of what comes are signs of life; only what is new is worth a look.
  const changes = connection.subscribe(SUBJECT, {
    callback: (error, message: Msg) => {
      if (error) return;
      const gone = message.headers?.get(OPERATION) !== undefined && message.headers.get(OPERATION) !== '';
      if (gone ? keys.has(message.subject) : keys.get(message.subject) !== message.string()) alarm.wake();
    },
  });

  return {
    async register(service, at) {
      const key = `${service}.${randomUUID()}`;
      let taken = false;
      const tell = async () => {
        if (taken) return;
        try {
          await bucket.put(key, at).catch(async () => {
            bucket = await open();
            return bucket.put(key, at);
          });
        } catch (err) {
          logger.warn({ err, service }, 'not registered; trying again');
        }
      };
      await tell();
      let told: Promise<void> = Promise.resolve();
      const heart = setInterval(() => {
        told = told.then(tell);
      }, heartbeatEvery);
      hearts.add(heart);
      return {
        async deregister() {
          if (taken) return;
          taken = true;
          clearInterval(heart);
          hearts.delete(heart);
          // A sign of life that comes after it would bring the instance back.
          const deleted = told.then(() => bucket.delete(key));
          await within(LEAVE_MS, deleted, () => undefined).catch((err) =>
            logger.warn({ err, service }, 'not deregistered; forgotten soon'),
          );
        },
      };
    },
    watch(service, listener) {
      const listeners = watches.get(service) ?? new Set();
      watches.set(service, listeners.add(listener));
      if (known) queueMicrotask(() => listeners.has(listener) && listener(known?.get(service) ?? []));
      else alarm.wake();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) watches.delete(service);
      };
    },
    refresh: () => alarm.wake(),
    async close() {
      closed = true;
      for (const heart of hearts) clearInterval(heart);
      alarm.wake();
      changes.unsubscribe();
      await within(ANSWER_MS, looking, () => undefined);
      await connection.close();
    },
  };
}

function byService(found: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const services = new Map<string, string[]>();
  for (const [subject, address] of found) {
    const [, , service = ''] = subject.split('.');
    services.set(service, [...(services.get(service) ?? []), address]);
  }
  return new Map([...services].map(([service, addresses]) => [service, [...new Set(addresses)].sort()]));
}
