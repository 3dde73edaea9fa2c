import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FieldDescriptorProto_Type, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { afterEach, describe, expect, it } from '@jest/globals';
import { UserRegisteredSchema } from '@weft/gen/es/weft/users/v1/events_pb';
import { type Bus, eventSchema, openPostgresBus } from '@weft/kit/events';
import { openJetStreamBus } from '@weft/kit/events/jetstream';
import { defineService } from '@weft/kit/module';
import { type Booted, boot, eventually, hasNats, startNats, type TestNats } from '@weft/kit/testing';
import { pino } from 'pino';

const TYPE = 'weft.users.v1.user_registered';
const logger = pino({ level: 'silent' });

const users = defineService<Record<string, never>, unknown>({
  name: 'users',
  needs: [],
  settings: {},
  migrations: [],
  publishes: [{ type: TYPE, owner: 'users', schema: UserRegisteredSchema }],
  create: () => ({ grpc: [] }),
});

/** What somebody else has registered, in which the first field has another type. */
function clashing() {
  const mine = eventSchema(TYPE, UserRegisteredSchema);
  const set = fromBinary(FileDescriptorSetSchema, mine.descriptors);
  const [field] =
    set.file.flatMap(({ messageType }) => messageType).find(({ name }) => name === 'UserRegistered')?.field ?? [];
  if (field) field.type = FieldDescriptorProto_Type.FIXED64;
  return { ...mine, fingerprint: 'f'.repeat(64), descriptors: toBinary(FileDescriptorSetSchema, set) };
}

describe.each([
  ['postgres', true],
  ['jetstream', hasNats],
] as const)('on %s', (kind, there) => {
  let booted: Booted | undefined;
  let nats: TestNats | undefined;
  let bus: Bus | undefined;
  afterEach(async () => {
    await bus?.close();
    await booted?.stop();
    await nats?.drop();
  });

  (there ? it : it.skip)(
    'a service does not start where an event on the bus would be read as something else, and names the field',
    async () => {
      if (kind === 'jetstream') nats = await startNats();
      booted = await boot([users], { env: { START_WAIT_MS: '5000', ...(nats && { NATS_URL: nats.url }) } });
      const own = { name: 'test', logger };
      const opened = nats
        ? openJetStreamBus({ ...own, url: nats.url })
        : openPostgresBus({ ...own, url: booted.bus.url });
      bus = opened;
      const registered = await eventually(() => opened.schemas());
      expect(registered.some(({ type, publishers }) => type === TYPE && publishers.includes('users'))).toBe(true);
      await opened.registerSchemas('reports', [], [clashing()]);
      await expect(booted.restart()).rejects.toThrow(
        /weft\.users\.v1\.UserRegistered\.\w+ \(field 1\) is string here and fixed64, in a version of weft\.users\.v1\.user_registered .* used by reports/,
      );
    },
    60_000,
  );
});
