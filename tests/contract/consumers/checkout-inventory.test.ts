import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inventoryClient } from '@weft/checkout/clients/inventory';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { inventory } from '@weft/inventory/module';
import { type ClientOf, status } from '@weft/kit/rpc';
import { openPair, type Pair, refusal } from './pair.ts';

let pair: Pair;
let stock: ReturnType<typeof inventoryClient>;
let admin: ClientOf<typeof InventoryServiceService>;
beforeAll(async () => {
  pair = await openPair(inventory, 'checkout');
  stock = inventoryClient(pair.client);
  admin = await pair.booted.client(InventoryServiceService, InventoryService, {
    user: { id: randomUUID(), roles: ['admin'] },
  });
});
afterAll(() => pair.stop());

async function shelf(onHand: bigint) {
  const stockCode = `S-${randomUUID().slice(0, 8)}`;
  await admin.setStock({ stockCode, onHand });
  return {
    stockCode,
    line: (quantity: bigint) => [{ stockCode, quantity }],
    async left() {
      const { stock: now } = await admin.getStock({ stockCode });
      return [now?.onHand, now?.reserved];
    },
  };
}

describe('what checkout expects of inventory', () => {
  it('is that reserving, committing and restocking are each done once, however often they are repeated', async () => {
    const { stockCode, line, left } = await shelf(5n);
    const reservationId = randomUUID();
    const restockId = randomUUID();
    const key = `${restockId}:restock`;
    for (let time = 0; time < 2; time++) await stock.reserve(reservationId, line(2n));
    expect(await left()).toEqual([5n, 2n]);
    for (let time = 0; time < 2; time++) await stock.commit(reservationId);
    await stock.reserve(reservationId, line(2n));
    expect(await left()).toEqual([3n, 0n]);
    for (let time = 0; time < 2; time++) await stock.restock(key, restockId, line(1n));
    expect(await left()).toEqual([4n, 0n]);
    const lines = [{ stockCode, quantity: 2n }];
    const reserve = { method: 'reserve', request: { reservationId, lines } };
    const commit = { method: 'commit', request: { reservationId } };
    const restock = {
      method: 'restock',
      request: { idempotencyKey: key, restockId, lines: [{ stockCode, quantity: 1n }] },
    };
    expect(pair.sent()).toEqual([reserve, reserve, commit, commit, reserve, restock, restock]);
  });

  it('is that releasing undoes a reservation, one never made too, and that a late one is refused', async () => {
    const { line, left } = await shelf(5n);
    const [made, never] = [randomUUID(), randomUUID()];
    await stock.reserve(made, line(2n));
    for (const reservationId of [made, made, never, never]) await stock.release(reservationId);
    expect(await left()).toEqual([5n, 0n]);
    for (const reservationId of [made, never]) {
      await expect(stock.reserve(reservationId, line(2n))).rejects.toEqual(
        refusal(status.FAILED_PRECONDITION, 'RESERVATION_RELEASED'),
      );
    }
  });

  it('is OUT_OF_STOCK, which becomes the reason of the order’s rejection', async () => {
    const { stockCode, line, left } = await shelf(1n);
    await expect(stock.reserve(randomUUID(), line(2n))).rejects.toEqual(
      refusal(status.FAILED_PRECONDITION, 'OUT_OF_STOCK', { stock_codes: stockCode }),
    );
    await expect(stock.reserve(randomUUID(), [{ stockCode: 'unknown', quantity: 1n }])).rejects.toEqual(
      refusal(status.FAILED_PRECONDITION, 'OUT_OF_STOCK', { stock_codes: 'unknown' }),
    );
    expect(await left()).toEqual([1n, 0n]);
  });

  it('is room for as many lines as an order may have', async () => {
    const lines = Array.from({ length: 1000 }, (_, index) => ({ stockCode: `L-${index}`, quantity: 1n }));
    const restockId = randomUUID();
    await stock.restock(`${restockId}:restock`, restockId, lines);
    await stock.reserve(randomUUID(), lines);
  });
});
