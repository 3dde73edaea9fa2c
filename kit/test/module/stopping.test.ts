import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { defineService } from '@weft/kit/module';
import { serveService } from '@weft/kit/rpc';
import { boot, eventually, some } from '@weft/kit/testing';
import { tinyClient } from './tiny-service.ts';

it('publishes what its last calls have committed before it has stopped', async () => {
  const entered = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const id = randomUUID();
  const event = { id, type: 'weft.inventory.v1.stock_set', subject: 'A', key: 'A', headers: {}, payload: Buffer.of() };
  const service = defineService<Record<string, never>, unknown>({
    name: 'inventory',
    needs: [],
    settings: {},
    migrations: [],
    create: ({ database }) => {
      const commit = async () => {
        entered.resolve();
        await finish.promise;
        await database.transaction(async (tx) => tx.publish(event));
        return { reservation: undefined };
      };
      const handlers = some(InventoryServiceService, { commit });
      return { grpc: [serveService(InventoryServiceService, InventoryService, handlers)] };
    },
  });
  const system = await boot([service]);
  const client = tinyClient(system.target('inventory'));
  try {
    const call = client.commit({ reservationId: randomUUID() });
    await entered.promise;
    const stopped = system.system.stop();
    const ready = async () => (await fetch(`${system.ops('inventory')}/readyz`)).status;
    await eventually(async () => (await ready()) === 503);
    finish.resolve();
    await call;
    await stopped;
    expect(await system.database('inventory').query('SELECT message_id FROM outbox')).toEqual([]);
  } finally {
    client.close();
    await system.stop();
  }
});
