import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService, type WatchStockResponse } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { startSystem } from '@weft/kit/module';
import { createClient, status } from '@weft/kit/rpc';
import { createTracing } from '@weft/kit/telemetry';
import { freePort } from '@weft/kit/testing';
import { inventory } from '../src/module.ts';
import { failure, openWarehouse, pieces, type Warehouse } from './fixture.ts';

let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await openWarehouse();
});
afterAll(() => warehouse.booted.stop());

/** A watch under way. */
function watch(stockCode: string, resumeToken = '') {
  const cancelling = new AbortController();
  const changes = warehouse.admin.watchStock({ stockCode, resumeToken }, { signal: cancelling.signal });
  const iterator = changes[Symbol.asyncIterator]();
  return {
    async next(): Promise<WatchStockResponse | undefined> {
      const { done, value } = await iterator.next();
      return done ? undefined : value;
    },
    /** The next response in which so many pieces are available. */
    async until(available: bigint): Promise<WatchStockResponse> {
      for (;;) {
        const response = await this.next();
        if (!response) throw new Error('the watch has ended');
        if (response.stock?.available === available) return response;
      }
    },
    cancel: () => cancelling.abort(),
  };
}

describe('WatchStock', () => {
  it('sends the stock now and after what is set, reserved, released, committed and restocked', async () => {
    const [stockCode = '', other = ''] = await warehouse.stocked(5n, 5n);
    const watching = watch(stockCode);
    expect((await watching.next())?.stock).toMatchObject({ stockCode, onHand: 5n, reserved: 0n, version: 1n });
    const [first, second] = [randomUUID(), randomUUID()];
    await warehouse.checkout.reserve({ reservationId: first, lines: pieces([stockCode, 2n], [other, 1n]) });
    expect((await watching.until(3n)).stock).toMatchObject({ onHand: 5n, reserved: 2n });
    await warehouse.checkout.reserve({ reservationId: second, lines: pieces([stockCode, 1n]) });
    await watching.until(2n);
    await warehouse.checkout.release({ reservationId: second });
    await watching.until(3n);
    await warehouse.checkout.commit({ reservationId: first });
    expect((await watching.until(3n)).stock).toMatchObject({ onHand: 3n, reserved: 0n });
    const restock = { idempotencyKey: randomUUID(), restockId: randomUUID(), lines: pieces([stockCode, 1n]) };
    await warehouse.checkout.restock(restock);
    await watching.until(4n);
    await warehouse.admin.setStock({ stockCode, onHand: 9n });
    const { stock } = await watching.until(9n);
    expect((await warehouse.admin.getStock({ stockCode })).stock).toEqual(stock);
    watching.cancel();
  });

  it('resumes after the last change seen', async () => {
    const [stockCode = ''] = await warehouse.stocked(5n);
    const watching = watch(stockCode);
    const token = (await watching.next())?.resumeToken;
    watching.cancel();
    const resumed = watch(stockCode, token);
    const next = resumed.next();
    await warehouse.admin.setStock({ stockCode, onHand: 6n });
    expect((await next)?.stock).toMatchObject({ onHand: 6n, version: 2n });
    resumed.cancel();
  });

  it('hears of changes that another process has made', async () => {
    const [stockCode = ''] = await warehouse.stocked(5n);
    const watching = watch(stockCode);
    await watching.next();
    const port = await freePort();
    const other = await startSystem(
      [inventory],
      {
        LOG_LEVEL: 'silent',
        OPS_PORT: '0',
        GRPC_PORT: String(port),
        DATABASE_URL: warehouse.booted.database('inventory').url,
        BUS_DATABASE_URL: warehouse.booted.bus.url,
        IDENTITY_JWKS_URL: 'http://127.0.0.1:9/jwks.json',
      },
      { log: () => undefined },
    );
    const client = createClient(InventoryServiceService, InventoryService, {
      target: `127.0.0.1:${port}`,
      caller: 'checkout',
      tracing: createTracing({ service: 'test', version: '0', ratio: 0, endpoint: '' }),
      retries: false,
    });
    await client.reserve({ reservationId: randomUUID(), lines: pieces([stockCode, 2n]) });
    await watching.until(3n);
    watching.cancel();
    client.close();
    await other.stop();
  });

  it('refuses what it does not know, and who may not read stock', async () => {
    await expect(watch('unknown').next()).rejects.toEqual(failure(status.NOT_FOUND, 'STOCK_NOT_FOUND'));
    await expect(watch('unknown', 'x').next()).rejects.toMatchObject({ violations: [{ field: 'resume_token' }] });
    const customer = await warehouse.as({ user: { id: randomUUID(), roles: ['customer'] } });
    const asked = customer.watchStock({ stockCode: 'any', resumeToken: '' })[Symbol.asyncIterator]().next();
    await expect(asked).rejects.toEqual(failure(status.PERMISSION_DENIED, 'NOT_ALLOWED'));
  });
});
