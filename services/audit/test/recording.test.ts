import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditService } from '@weft/gen/es/weft/audit/v1/audit_pb';
import * as orders from '@weft/gen/es/weft/orders/v1/events_pb';
import { type AuditEvent, AuditKind, AuditServiceService } from '@weft/gen/grpc/weft/audit/v1/audit';
import { OrderPlaced } from '@weft/gen/grpc/weft/orders/v1/events';
import { defineEvent, eventSchema, type Message, openPostgresBus, type PostgresBus } from '@weft/kit/events';
import { createLogger } from '@weft/kit/telemetry';
import { type As, type Booted, boot, eventually, refusal } from '@weft/kit/testing';
import { toTimestamp } from '@weft/kit/time';
import { audit } from '../src/module.ts';

const placed = defineEvent(OrderPlaced, orders.OrderPlacedSchema);
const NOTHING = { userId: '', service: '', action: '', resourceId: '', correlationId: '', kind: 0 as const };
const PAGE = { fromTime: undefined, toTime: undefined, pageSize: 0, pageToken: '' };

let booted: Booted;
let bus: PostgresBus;
beforeAll(async () => {
  booted = await boot([audit]);
  bus = openPostgresBus({
    url: booted.bus.url,
    name: 'test',
    logger: createLogger({ level: 'silent', pretty: false }),
  });
  await bus.registerSchemas('orders', [eventSchema(placed.type, orders.OrderPlacedSchema)], []);
});
afterAll(async () => {
  await bus?.close();
  await booted?.stop();
});

const as = (who: As) => booted.client(AuditServiceService, AuditService, who);
const support = () => as({ user: { id: randomUUID(), roles: ['support'] } });

function orderPlaced(orderId: string, headers: Record<string, string> = {}, at = new Date()): Message {
  const paid = { lines: [], total: undefined, paymentMethodToken: 'tok_marked_secret' };
  const how = { deliveryMethod: 0 as const, sagaStyle: 0 as const };
  const content = { orderId, customerId: randomUUID(), version: 1n, occurTime: toTimestamp(at), ...paid, ...how };
  return placed.create(content, { headers, now: at });
}

async function recorded(filter: Partial<typeof NOTHING & typeof PAGE>, count = 1): Promise<AuditEvent[]> {
  const client = await support();
  return eventually(async () => {
    const { auditEvents } = await client.listAuditEvents({ ...NOTHING, ...PAGE, ...filter });
    if (auditEvents.length < count) throw new Error(`${auditEvents.length} are recorded`);
    return auditEvents;
  }, 15_000);
}

describe('an event of any service', () => {
  it('is recorded with who asked for it, and without what its contract redacts', async () => {
    const orderId = randomUUID();
    const userId = randomUUID();
    const correlation = `placing-${orderId}`;
    await bus.publish([
      orderPlaced(orderId, {
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        'correlation-id': correlation,
        'weft-user': userId,
        'weft-method': 'weft.orders.v1.OrdersService/PlaceOrder',
      }),
    ]);
    const [event] = await recorded({ resourceId: orderId });
    expect(event).toMatchObject({
      kind: AuditKind.AUDIT_KIND_STATE_CHANGE,
      service: 'orders',
      action: 'weft.orders.v1.order_placed',
      userId,
      method: 'weft.orders.v1.OrdersService/PlaceOrder',
      correlationId: correlation,
      traceId: '0af7651916cd43dd8448eb211c80319c',
      count: 1n,
      attempts: 0,
    });
    expect(event?.contentJson).toContain(orderId);
    const rows = await booted.database('audit').query<object>('SELECT * FROM audit_event');
    expect(JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain(
      'tok_marked_secret',
    );
    expect(await recorded({ userId })).toHaveLength(1);
    expect(await recorded({ correlationId: correlation })).toHaveLength(1);
  });

  it('is recorded with the tries that it took, where its headers say a number', async () => {
    const said = ['12', '-1', '1e3', '99999999999', ''];
    const orderIds = said.map(() => randomUUID());
    await bus.publish(said.map((attempt, at) => orderPlaced(orderIds[at] ?? '', { 'weft-attempt': attempt })));
    const found = await Promise.all(orderIds.map((resourceId) => recorded({ resourceId })));
    expect(found.map(([event]) => event?.attempts)).toEqual([12, 0, 0, 0, 0]);
  });

  it('is recorded once, also when the audit is started again and again in between', async () => {
    const before = randomUUID();
    const action = 'weft.orders.v1.order_placed';
    await bus.publish(Array.from({ length: 300 }, () => orderPlaced(before)));
    await booted.restart();
    await bus.publish(Array.from({ length: 300 }, () => orderPlaced(before)));
    await booted.restart();
    const found = await recorded({ resourceId: before, action, pageSize: 1000 }, 600);
    expect(found).toHaveLength(600);
  });

  it('is found page by page, newest first, each once', async () => {
    const orderId = randomUUID();
    const began = Date.now() - 60_000;
    const at = (second: number) => new Date(began + second * 1000);
    await bus.publish([0, 1, 1, 2, 3].map((second) => orderPlaced(orderId, {}, at(second))));
    const all = await recorded({ resourceId: orderId }, 5);
    const client = await support();
    const ids: string[] = [];
    let pageToken = '';
    do {
      const page = await client.listAuditEvents({ ...NOTHING, ...PAGE, resourceId: orderId, pageSize: 2, pageToken });
      ids.push(...page.auditEvents.map(({ auditEventId }) => auditEventId));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(ids).toEqual(all.map(({ auditEventId }) => auditEventId));
    const [newest] = await recorded({ resourceId: orderId, fromTime: toTimestamp(at(3)) as never });
    expect(newest?.auditEventId).toBe(ids[0]);
    const before1970 = { seconds: -1n, nanos: 0 } as never;
    const refused = await refusal(client.listAuditEvents({ ...NOTHING, ...PAGE, toTime: before1970 }));
    expect(refused.reason).toBe('INVALID_ARGUMENT');
  });

  it('that is older than what is kept is not recorded, and a month whose time is over goes as a whole', async () => {
    const database = booted.database('audit');
    await database.query("SELECT audit_open_month('2001-02-01T00:00:00Z')");
    const [old, fresh] = [randomUUID(), randomUUID()];
    await bus.publish([orderPlaced(old, {}, new Date('2001-02-03T04:05:06Z')), orderPlaced(fresh)]);
    await recorded({ resourceId: fresh });
    const months = () =>
      database.query<{ name: string }>(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_event'::regclass",
      );
    expect((await months()).map(({ name }) => name)).toContain('audit_event_200102');
    expect(await database.query('SELECT FROM audit_event WHERE resource_id = $1', [old])).toEqual([]);
    await booted.restart();
    await eventually(async () => {
      const names = (await months()).map(({ name }) => name);
      if (names.includes('audit_event_200102')) throw new Error('it is still there');
    }, 10_000);
    await recorded({ resourceId: fresh });
  });
});

describe('the age of what is not recorded', () => {
  const age = async () => {
    const text = await (await fetch(`${booted.ops('audit')}/metrics`)).text();
    return Number(/^weft_audit_age(?:\{.*\})? (\S+)/m.exec(text)?.[1]);
  };

  it('grows while nothing can be recorded, and is small again when it can', async () => {
    const database = booted.database('audit');
    await database.query('ALTER TABLE audit_event RENAME TO audit_event_away');
    const orderId = randomUUID();
    try {
      await bus.publish([orderPlaced(orderId)]);
      // Longer than that nothing new is known where nothing happens.
      await eventually(async () => (await age()) > 12, 30_000);
    } finally {
      await database.query('ALTER TABLE audit_event_away RENAME TO audit_event');
    }
    await recorded({ resourceId: orderId });
    await eventually(async () => (await age()) < 11, 15_000);
  });

  it('is told by the one that records, and by nobody else', async () => {
    const database = booted.database('audit');
    const [turn] = await database.query<{ owner: string }>('SELECT owner FROM audit_turn');
    await database.query("UPDATE audit_turn SET owner = $1, until = now() + interval '1 hour'", [randomUUID()]);
    await eventually(async () => Number.isNaN(await age()), 15_000);
    await database.query('UPDATE audit_turn SET owner = $1', [turn?.owner]);
    await eventually(async () => (await age()) >= 0, 15_000);
  });
});

describe('what is recorded', () => {
  it.each(['UPDATE audit_event SET user_id = NULL', 'DELETE FROM audit_event', 'TRUNCATE audit_event'])(
    'cannot be changed: the database refuses %s',
    async (statement) => {
      const orderId = randomUUID();
      await bus.publish([orderPlaced(orderId)]);
      await recorded({ resourceId: orderId });
      await expect(booted.database('audit').query(statement)).rejects.toThrow('only grows');
    },
  );

  it('is read by staff alone', async () => {
    const customer = await as({ user: { id: randomUUID(), roles: ['customer'] } });
    expect((await refusal(customer.listAuditEvents({ ...NOTHING, ...PAGE }))).reason).toBe('NOT_ALLOWED');
    const nobody = await as({});
    expect((await refusal(nobody.listAuditEvents({ ...NOTHING, ...PAGE }))).reason).toBe('TOKEN_REQUIRED');
  });
});

describe('a refused call', () => {
  it('is recorded with who made it, and equal ones are counted', async () => {
    const id = randomUUID();
    const customer = await as({ user: { id, roles: ['customer'] } });
    const refused = () => customer.listAuditEvents({ ...NOTHING, ...PAGE, userId: randomUUID() }).catch(() => {});
    await Promise.all(Array.from({ length: 40 }, refused));
    const action = 'weft.audit.v1.AuditService/ListAuditEvents';
    const found = await eventually(async () => {
      const events = await recorded({ userId: id, kind: AuditKind.AUDIT_KIND_DENIAL as never });
      const sum = events.reduce((all, { count }) => all + count, 0n);
      if (sum < 40n) throw new Error(`${sum} are counted`);
      return events;
    }, 10_000);
    expect(found.length).toBeLessThan(6);
    expect(found[0]).toMatchObject({ action, status: 'PERMISSION_DENIED', reason: 'NOT_ALLOWED', contentJson: '' });
  });

  it('makes no more records than there is room for, whoever comes', async () => {
    const since = new Date();
    const clients = await Promise.all(
      Array.from({ length: 120 }, () => as({ user: { id: randomUUID(), roles: ['customer'] } })),
    );
    await Promise.all(clients.map((client) => client.listAuditEvents({ ...NOTHING, ...PAGE }).catch(() => {})));
    const count = await eventually(async () => {
      const filter = { kind: AuditKind.AUDIT_KIND_DENIAL as never, fromTime: toTimestamp(since) as never };
      const events = await recorded({ ...filter, pageSize: 1000 });
      if (events.reduce((all, one) => all + one.count, 0n) < 120n) throw new Error('not all are recorded');
      return events.length;
    }, 15_000);
    // One turn of 51 a second.
    expect(count).toBeLessThan(120);
  });
});
