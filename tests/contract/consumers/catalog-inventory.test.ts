import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stockClient } from '@weft/catalog/clients/stock';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { inventory } from '@weft/inventory/module';
import { createLogger } from '@weft/kit/telemetry';
import { openPair, type Pair } from './pair.ts';

let pair: Pair;
let stock: ReturnType<typeof stockClient>;
beforeAll(async () => {
  pair = await openPair(inventory, 'catalog');
  stock = stockClient({ client: pair.client, logger: createLogger({ level: 'silent', pretty: false }) });
});
afterAll(() => pair.stop());

const admin = () =>
  pair.booted.client(InventoryServiceService, InventoryService, { user: { id: randomUUID(), roles: ['admin'] } });

describe('what catalog expects of inventory', () => {
  it('is the number of pieces that can be sold now, for each code it asks for', async () => {
    const shop = await admin();
    const checkout = await pair.booted.client(InventoryServiceService, InventoryService, { caller: 'checkout' });
    await shop.setStock({ stockCode: 'A', onHand: 5n });
    await shop.setStock({ stockCode: 'B', onHand: 0n });
    await checkout.reserve({ reservationId: randomUUID(), lines: [{ stockCode: 'A', quantity: 2n }] });
    expect(await stock.available(['unknown', 'B', 'A'])).toEqual(
      new Map([
        ['unknown', 0n],
        ['B', 0n],
        ['A', 3n],
      ]),
    );
    expect(pair.sent()).toEqual([{ method: 'batchGetStock', request: { stockCodes: ['unknown', 'B', 'A'] } }]);
  });

  it('is an answer for as many codes as a page of products may have', async () => {
    const codes = Array.from({ length: 1000 }, (_, index) => `C-${index}`);
    expect((await stock.available(codes)).size).toBe(1000);
  });
});
