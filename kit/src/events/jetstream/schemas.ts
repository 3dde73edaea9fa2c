import { type KV, type KvEntry, Kvm } from '@nats-io/kv';
import type { EventSchema, RegisteredSchema } from '../bus.ts';
import { BusUnavailable } from './errors.ts';
import type { Line } from './link.ts';
import type { StreamSettings } from './streams.ts';
import { SCHEMAS } from './subjects.ts';

const VERSION = 'version';
const USE = 'use';

export type Version = Pick<EventSchema, 'type' | 'fingerprint'>;

interface Content {
  readonly message: string;
  /** In base64. */
  readonly descriptors: string;
}

/** Fingerprints by type. */
interface Use {
  readonly publishes: Readonly<Record<string, string>>;
  readonly reads: Readonly<Record<string, string>>;
}

type Settings = Pick<StreamSettings, 'replicas'>;

const opened = new WeakMap<Line, Promise<KV>>();

/** Once a connection. */
function open(line: Line, { replicas }: Settings): Promise<KV> {
  const options = { history: 1, replicas, description: 'versions of events' };
  const found = opened.get(line) ?? new Kvm(line.connection).create(SCHEMAS, options);
  opened.set(line, found);
  found.catch(() => opened.delete(line));
  return found;
}

const versionKey = ({ type, fingerprint }: Version) => `${VERSION}.${type}.${fingerprint}`;

/** @param known what need not be looked for */
export async function registerSchemas(
  line: Line,
  settings: Settings,
  known: readonly Version[],
  service: string,
  publishes: readonly EventSchema[],
  reads: readonly EventSchema[],
): Promise<void> {
  const kv = await open(line, settings);
  const there = new Set(known.map(versionKey));
  await Promise.all(
    [...publishes, ...reads].map(async (schema) => {
      const key = versionKey(schema);
      if (there.has(key) || (await kv.get(key))) return;
      const { message, descriptors } = schema;
      const version: Content = { message, descriptors: Buffer.from(descriptors).toString('base64') };
      await kv.put(key, JSON.stringify(version));
    }),
  );
  const byType = (schemas: readonly EventSchema[]) =>
    Object.fromEntries(schemas.map(({ type, fingerprint }) => [type, fingerprint]));
  const use: Use = { publishes: byType(publishes), reads: byType(reads) };
  await kv.put(`${USE}.${service}`, JSON.stringify(use));
}

export async function listSchemas(line: Line, settings: Settings): Promise<RegisteredSchema[]> {
  const kv = await open(line, settings);
  const entries: KvEntry[] = [];
  for await (const entry of await kv.history()) if (entry.operation === 'PUT') entries.push(entry);
  // A lost connection ends them as if there were no more.
  if (line.connection.isClosed()) throw new BusUnavailable(new Error('the connection was lost'));
  const uses = entries
    .filter(({ key }) => key.startsWith(`${USE}.`))
    .map((entry) => ({ service: entry.key.slice(USE.length + 1), ...entry.json<Use>() }));
  const versions = entries.filter(({ key }) => key.startsWith(`${VERSION}.`));
  const found = versions.map((entry): RegisteredSchema => {
    const parts = entry.key.slice(VERSION.length + 1).split('.');
    const fingerprint = parts.pop() ?? '';
    const type = parts.join('.');
    const { message, descriptors } = entry.json<Content>();
    const users = (role: 'publishes' | 'reads') =>
      uses.filter((use) => use[role][type] === fingerprint).map(({ service }) => service);
    return {
      type,
      message,
      fingerprint,
      descriptors: Buffer.from(descriptors, 'base64'),
      createdAt: entry.created,
      publishers: users('publishes').sort(),
      readers: users('reads').sort(),
    };
  });
  return found.sort((a, b) =>
    a.type === b.type ? b.createdAt.getTime() - a.createdAt.getTime() : a.type < b.type ? -1 : 1,
  );
}
