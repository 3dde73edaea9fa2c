import { afterEach, describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import type { HealthState } from '@weft/kit/rpc';
import { type Booted, boot, eventually, type TestDatabase } from '@weft/kit/testing';
import { tiny } from './tiny-service.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A service, what its process says of it, and a way to take away what it stands on. */
async function booted() {
  const handlers = { commit: async () => ({ reservation: undefined }) };
  const system: Booted = await boot([tiny('inventory', handlers)]);
  closing.push(() => system.stop());
  const page = (path: string) => fetch(`${system.ops('inventory')}${path}`);
  return {
    system,
    async ready() {
      const answer = await page('/readyz');
      const { inventory } = (await answer.json()) as { inventory: HealthState };
      return { status: answer.status, ...inventory };
    },
    async metrics() {
      const text = await (await page('/metrics')).text();
      const up = (dependency: string) =>
        new RegExp(`^weft_dependency_up\\{.*dependency="${dependency}".*\\} (\\d)`, 'm').exec(text)?.[1];
      const ready = /^weft_service_ready\{.*service_name="inventory".*\} (\d)$/m.exec(text)?.[1];
      return { database: up('database'), bus: up('bus'), ready };
    },
    async takeAway(database: TestDatabase) {
      const comeBack = await database.goAway();
      closing.push(comeBack);
      return comeBack;
    },
  };
}

describe('a service', () => {
  it('is not ready while its database does not answer, and is again when it does', async () => {
    const { system, ready, metrics, takeAway } = await booted();
    const comeBack = await takeAway(system.database('inventory'));
    await eventually(async () => (await ready()).status === 503);
    expect(await ready()).toMatchObject({ serving: false, dependencies: { bus: 'ok' } });
    expect(await metrics()).toEqual({ database: '0', bus: '1', ready: '0' });
    await comeBack();
    await eventually(async () => (await ready()).status === 200);
  });

  it('stays ready and goes on while its bus does not answer, and says that it does not', async () => {
    const { system, ready, metrics, takeAway } = await booted();
    const comeBack = await takeAway(system.bus);
    await eventually(async () => (await ready()).dependencies.bus !== 'ok');
    expect(await ready()).toMatchObject({ status: 200, serving: true, dependencies: { database: 'ok' } });
    expect(await metrics()).toEqual({ database: '1', bus: '0', ready: '1' });
    const client = await system.client(InventoryServiceService, InventoryService, { caller: 'checkout' });
    const reservationId = '11111111-1111-4111-8111-111111111111';
    expect(await client.commit({ reservationId })).toMatchObject({ reservation: undefined });
    await comeBack();
    await eventually(async () => (await ready()).dependencies.bus === 'ok');
  });
});
