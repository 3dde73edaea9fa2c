import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import * as events from '@weft/gen/grpc/weft/inventory/v1/events';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { type As, boot } from '@weft/kit/testing';
import { inventory } from '../src/module.ts';

/** Inventory as it runs, with what its tests look at. */
export async function openWarehouse() {
  const booted = await boot([inventory]);
  const as = (who: As) => booted.client(InventoryServiceService, InventoryService, who);
  const admin = await as({ user: { id: randomUUID(), roles: ['admin'] } });
  return {
    booted,
    as,
    admin,
    checkout: await as({ caller: 'checkout' }),
    /** New stock codes with so many pieces each, in their order. */
    async stocked(...pieces: bigint[]): Promise<string[]> {
      const codes = pieces.map(() => `S-${randomUUID().slice(0, 8)}`).sort();
      await Promise.all(pieces.map((onHand, index) => admin.setStock({ stockCode: codes[index] as string, onHand })));
      return codes;
    },
    async stock(stockCode: string) {
      const { stock } = await admin.getStock({ stockCode });
      return { onHand: stock?.onHand, reserved: stock?.reserved, available: stock?.available };
    },
    /** The events of an aggregate on the bus: name and content, in order. */
    async events(key: string): Promise<Record<string, unknown>[]> {
      await booted.settle(10_000);
      const published = await booted.bus.query<{ type: string; payload: Buffer }>(
        'SELECT type, payload FROM bus.message WHERE key = $1 ORDER BY seq',
        [key],
      );
      return published.map(({ type, payload }) => {
        const name = type.slice('weft.inventory.v1.'.length);
        return { type: name, ...DECODERS[name]?.decode(payload) };
      });
    },
  };
}

export type Warehouse = Awaited<ReturnType<typeof openWarehouse>>;

const DECODERS: Readonly<Record<string, { decode(bytes: Uint8Array): object }>> = {
  stock_set: events.StockSet,
  stock_reserved: events.StockReserved,
  stock_committed: events.StockCommitted,
  stock_released: events.StockReleased,
  stock_restocked: events.StockRestocked,
};

export const pieces = (...lines: (readonly [stockCode: string, quantity: bigint])[]) =>
  lines.map(([stockCode, quantity]) => ({ stockCode, quantity }));

/** What a call throws: the status code and the stable reason. */
export const failure = (code: number, reason: string, metadata?: Record<string, string>) =>
  expect.objectContaining({ code, reason, ...(metadata && { metadata }) });
