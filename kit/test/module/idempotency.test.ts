import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService, RestockResponse } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { onceForCall } from '@weft/kit/idempotency';
import { defineService } from '@weft/kit/module';
import { serveService, status } from '@weft/kit/rpc';
import { type As, type Booted, boot, some } from '@weft/kit/testing';

let system: Booted;
let done: () => Promise<number>;

type Schema = { effect: { id: string } };

/** Each call leaves a row; the key of a call is that of its request. */
const counting = defineService<Record<string, never>, Schema>({
  name: 'inventory',
  needs: [],
  settings: {},
  migrations: [{ name: '001', up: 'CREATE TABLE effect (id uuid PRIMARY KEY)' }],
  create: ({ database, newId }) => {
    done = async () => (await database.read.selectFrom('effect').selectAll().execute()).length;
    return {
      grpc: [
        serveService(
          InventoryServiceService,
          InventoryService,
          some(InventoryServiceService, {
            restock: async ({ idempotencyKey }, call) => {
              const encoded = await onceForCall(database, call, idempotencyKey, {
                commit: async (tx) => {
                  const id = newId();
                  tx.defer(tx.sql.insertInto('effect').values({ id }));
                  const stock = {
                    stockCode: id,
                    onHand: 0n,
                    reserved: 0n,
                    available: 0n,
                    version: 1n,
                    updateTime: undefined,
                  };
                  return RestockResponse.encode({ stocks: [stock] }).finish();
                },
              });
              return RestockResponse.decode(encoded);
            },
            commit: async ({ reservationId }, call) => {
              await onceForCall(database, call, reservationId, {
                commit: async (tx) => {
                  tx.defer(tx.sql.insertInto('effect').values({ id: newId() }));
                  return new Uint8Array();
                },
              });
              return { reservation: undefined };
            },
          }),
        ),
      ],
    };
  },
});

beforeAll(async () => {
  system = await boot([counting]);
});
afterAll(() => system?.stop());

const admin = (id: string): As => ({ user: { id, roles: ['admin'] } });
const checkout: As = { caller: 'checkout' };
const KEY = '11111111-1111-4111-8111-111111111111';

async function restock(as: As, idempotencyKey: string, quantity = 1n) {
  const inventory = await system.client(InventoryServiceService, InventoryService, as);
  const { stocks } = await inventory.restock({ idempotencyKey, restockId: KEY, lines: [{ stockCode: 'A', quantity }] });
  return stocks[0]?.stockCode;
}

describe('an idempotency key', () => {
  it('is its caller’s own: users and services do not meet in it', async () => {
    const before = await done();
    const answers = [
      await restock(admin('ada'), 'key'),
      await restock(admin('bob'), 'key'),
      await restock(checkout, 'key'),
    ];
    expect(new Set(answers).size).toBe(3);
    expect(await restock(admin('ada'), 'key')).toBe(answers[0]);
    expect(await restock(checkout, 'key')).toBe(answers[2]);
    // Who a call is for goes before who makes it.
    expect(await restock({ ...admin('ada'), ...checkout }, 'key')).toBe(answers[0]);
    expect((await done()) - before).toBe(3);
  });

  it('is its method’s own', async () => {
    const before = await done();
    await restock(checkout, KEY);
    const inventory = await system.client(InventoryServiceService, InventoryService, checkout);
    await inventory.commit({ reservationId: KEY });
    await inventory.commit({ reservationId: KEY });
    expect((await done()) - before).toBe(2);
  });

  it('is refused with another request, of the same caller only', async () => {
    await restock(admin('ada'), 'mine');
    await expect(restock(admin('ada'), 'mine', 2n)).rejects.toMatchObject({
      code: status.ALREADY_EXISTS,
      reason: 'IDEMPOTENCY_KEY_REUSED',
    });
    expect(await restock(admin('bob'), 'mine', 2n)).toBeDefined();
  });

  it('takes effect once for those that come at the same time', async () => {
    const before = await done();
    const answers = await Promise.all(Array.from({ length: 10 }, () => restock(admin('eve'), 'together')));
    expect(new Set(answers).size).toBe(1);
    expect((await done()) - before).toBe(1);
  });
});
