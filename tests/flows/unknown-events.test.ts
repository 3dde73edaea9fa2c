import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { audit } from '@weft/audit/module';
import { AuditService } from '@weft/gen/es/weft/audit/v1/audit_pb';
import * as orders from '@weft/gen/es/weft/orders/v1/events_pb';
import { AuditServiceService } from '@weft/gen/grpc/weft/audit/v1/audit';
import { type Bus, eventSchema, openPostgresBus } from '@weft/kit/events';
import { openJetStreamBus } from '@weft/kit/events/jetstream';
import { createLogger } from '@weft/kit/telemetry';
import { type Booted, boot, eventually, hasNats, startNats } from '@weft/kit/testing';

const logger = createLogger({ level: 'silent', pretty: false });
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The audit on a bus of that kind, and the bus. */
const DRIVERS: Readonly<Record<string, () => Promise<{ booted: Booted; bus: Bus }>>> = {
  async postgres() {
    const booted = await boot([audit]);
    closing.push(() => booted.stop());
    return { booted, bus: openPostgresBus({ url: booted.bus.url, name: 'test', logger }) };
  },
  async jetstream() {
    const nats = await startNats();
    closing.push(() => nats.drop());
    const booted = await boot([audit], { env: { NATS_URL: nats.url } });
    closing.push(() => booted.stop());
    return { booted, bus: openJetStreamBus({ url: nats.url, name: 'test', logger }) };
  },
};

describe.each(Object.keys(DRIVERS))('on %s', (driver) => {
  (driver === 'postgres' || hasNats ? it : it.skip)(
    'an event of a type that no service has registered is told of and recorded, and what comes after it is as well',
    async () => {
      const { booted, bus } = await (DRIVERS[driver] as (typeof DRIVERS)[string])();
      closing.push(() => bus.close());
      const client = await booted.client(AuditServiceService, AuditService, {
        user: { id: randomUUID(), roles: ['support'] },
      });
      const count = async () => {
        const text = await (await fetch(`${booted.ops('audit')}/metrics`)).text();
        return Number(/^weft_audit_unknown_events_total(?:\{.*\})? (\d+)$/m.exec(text)?.[1]);
      };
      const publish = async (type: string) => {
        const key = randomUUID();
        const headers = { 'ce-time': new Date().toISOString() };
        await bus.publish([
          { id: randomUUID(), type, subject: `${type}.${key}`, key, headers, payload: Buffer.from('') },
        ]);
        const filter = { userId: '', service: '', action: type, resourceId: key, correlationId: '', kind: 0 as const };
        const page = { fromTime: undefined, toTime: undefined, pageSize: 0, pageToken: '' };
        await eventually(async () => (await client.listAuditEvents({ ...filter, ...page })).auditEvents.length === 1);
      };
      const STRANGER = 'weft.payments.v1.never_heard_of';
      const KNOWN = 'weft.orders.v1.order_placed';
      await bus.registerSchemas('orders', [eventSchema(KNOWN, orders.OrderPlacedSchema)], []);
      expect(await count()).toBe(0);
      await publish(STRANGER);
      await publish(STRANGER);
      await publish(KNOWN);
      await eventually(async () => (await count()) === 2, 20_000);
      const lines = booted.logs.filter(({ msg }) => String(msg).includes('no service has registered'));
      expect(lines).toEqual([expect.objectContaining({ level: 'warn', service: 'audit', type: STRANGER })]);
      // Its service was late.
      await bus.registerSchemas('payments', [eventSchema(STRANGER, orders.OrderPlacedSchema)], []);
      await publish(STRANGER);
      await publish('weft.payments.v1.never_heard_of_either');
      await eventually(async () => (await count()) === 3, 20_000);
    },
    60_000,
  );
});
