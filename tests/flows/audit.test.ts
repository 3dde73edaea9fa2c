import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AuditEvent, AuditKind } from '@weft/gen/grpc/weft/audit/v1/audit';
import { eventually, refusal } from '@weft/kit/testing';
import { MODES, openShop, orderOf, type Shop, STYLES, styled } from './shop.ts';

describe.each(MODES)('%s', (mode) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop(mode);
  }, 60_000);
  afterAll(() => shop?.booted.stop());

  async function recorded(filter: object, enough: (events: AuditEvent[]) => boolean): Promise<AuditEvent[]> {
    const all = { userId: '', service: '', action: '', resourceId: '', correlationId: '', kind: 0 as const };
    const page = { fromTime: undefined, toTime: undefined, pageSize: 1000, pageToken: '' };
    return eventually(async () => {
      const { auditEvents } = await shop.admin.audit.listAuditEvents({ ...all, ...page, ...filter });
      if (!enough(auditEvents)) throw new Error(`recorded: ${auditEvents.map(({ action }) => action)}`);
      return auditEvents;
    }, 15_000);
  }

  it.each(STYLES)(
    'every change that an order of the style %s leads to is recorded with the customer who placed it',
    async (style) => {
      const buyer = await shop.customer();
      const productId = await shop.product();
      const { order } = await buyer.orders.placeOrder(styled(style, orderOf(productId)));
      const orderId = order?.orderId ?? '';
      await shop.ended(orderId);
      await shop.booted.settle(20_000);
      const published = await shop.booted.bus.query<{ type: string }>('SELECT type FROM bus.message WHERE key = $1', [
        orderId,
      ]);
      const events = await recorded({ resourceId: orderId }, ({ length }) => length >= published.length);
      expect(events.map(({ action }) => action).sort()).toEqual(published.map(({ type }) => type).sort());
      expect(new Set(events.map(({ userId }) => userId))).toEqual(new Set([buyer.id]));
      const first = events.at(-1);
      expect(first).toMatchObject({ method: 'weft.orders.v1.OrdersService/PlaceOrder', caller: '' });
      const reserved = events.find(({ action }) => action.includes('stock_reserved'));
      expect(reserved).toMatchObject(
        style === 'orchestrated'
          ? { method: 'weft.inventory.v1.InventoryService/Reserve', caller: 'checkout' }
          : { method: '', caller: '' },
      );
    },
  );

  it('what an administrator has done is recorded where no event tells of it, and repeated calls that change nothing are told apart', async () => {
    const eventOperations = shop.eventOperations('notifications');
    const consumer = 'notifications.news';
    await eventOperations.replayConsumer({
      consumer,
      fromTime: { seconds: BigInt(Math.floor(Date.now() / 1000)), nanos: 0 },
    });
    eventOperations.close();
    const action = 'weft.events.v1.EventOperationsService/ReplayConsumer';
    const [event] = await recorded({ action }, ({ length }) => length > 0);
    expect(event).toMatchObject({ kind: AuditKind.AUDIT_KIND_OPERATION, service: 'notifications', status: 'OK' });
    expect(event?.userId).not.toBe('');
    expect(JSON.parse(event?.contentJson ?? '')).toMatchObject({ consumer });
  });

  it('a call that is denied is recorded with the service, the method and the user', async () => {
    const buyer = await shop.customer();
    await refusal(buyer.inventory.setStock({ stockCode: 'P', onHand: 1n }));
    const [event] = await recorded(
      { userId: buyer.id, service: 'inventory', kind: AuditKind.AUDIT_KIND_DENIAL },
      ({ length }) => length > 0,
    );
    expect(event).toMatchObject({
      action: 'weft.inventory.v1.InventoryService/SetStock',
      status: 'PERMISSION_DENIED',
      reason: 'NOT_ALLOWED',
      contentJson: '',
    });
  });

  it('what the gateway refuses is recorded, and is nothing that nobody knows', async () => {
    const answer = await fetch(`${shop.booted.http('gateway')}/api/v2/orders`);
    expect(answer.status).toBe(401);
    await recorded({ service: 'gateway', action: 'weft.orders.v1.OrdersService/ListOrders' }, (all) => all.length > 0);
    const metrics = await (await fetch(`${shop.booted.ops('audit')}/metrics`)).text();
    expect(metrics).toMatch(/^weft_audit_unknown_events_total(\{.*\})? 0$/m);
  });
});
