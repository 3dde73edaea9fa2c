import { type KV, Kvm } from '@nats-io/kv';
import type { EventSchema, RegisteredSchema } from '../bus.ts';
import type { Line } from './link.ts';
import type { StreamSettings } from './streams.ts';
import { SCHEMAS } from './subjects.ts';

const VERSION = 'version';
const USE = 'use';

interface Version {
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

function open({ connection }: Line, { replicas }: Settings): Promise<KV> {
  return new Kvm(connection).create(SCHEMAS, { history: 1, replicas, description: 'versions of events' });
}

export async function registerSchemas(
  line: Line,
  settings: Settings,
  service: string,
  publishes: readonly EventSchema[],
  reads: readonly EventSchema[],
): Promise<void> {
  const kv = await open(line, settings);
  await Promise.all(
    [...publishes, ...reads].map(async ({ type, fingerprint, message, descriptors }) => {
      const key = `${VERSION}.${type}.${fingerprint}`;
      if (await kv.get(key)) return;
      const version: Version = { message, descriptors: Buffer.from(descriptors).toString('base64') };
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
  const entries = (keys: readonly string[]) => Promise.all(keys.map((key) => kv.get(key)));
  const keys: string[] = [];
  for await (const key of await kv.keys()) keys.push(key);
  const uses = (await entries(keys.filter((key) => key.startsWith(`${USE}.`)))).flatMap((entry) =>
    entry ? [{ service: entry.key.slice(USE.length + 1), ...entry.json<Use>() }] : [],
  );
  const versions = await entries(keys.filter((key) => key.startsWith(`${VERSION}.`)));
  const found = versions.flatMap((entry): RegisteredSchema[] => {
    if (!entry) return [];
    const parts = entry.key.slice(VERSION.length + 1).split('.');
    const fingerprint = parts.pop() ?? '';
    const type = parts.join('.');
    const { message, descriptors } = entry.json<Version>();
    const users = (role: 'publishes' | 'reads') =>
      uses.filter((use) => use[role][type] === fingerprint).map(({ service }) => service);
    return [
      {
        type,
        message,
        fingerprint,
        descriptors: Buffer.from(descriptors, 'base64'),
        createdAt: entry.created,
        publishers: users('publishes').sort(),
        readers: users('reads').sort(),
      },
    ];
  });
  return found.sort((a, b) =>
    a.type === b.type ? b.createdAt.getTime() - a.createdAt.getTime() : a.type < b.type ? -1 : 1,
  );
}
