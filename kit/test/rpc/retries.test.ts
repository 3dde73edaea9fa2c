import { describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { OrdersServiceService } from '@weft/gen/grpc/weft/orders/v1/orders';
import { UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import { DomainError, type FailureKind } from '@weft/kit/failure';
import { contractWith } from './contract-with.ts';
import { stage } from './stage.ts';

const { serveOne, client } = stage();
const open = { roles: [1] };
const inventoryContract = contractWith(InventoryService, { GetStock: open, SetStock: open });
const ordersContract = contractWith(OrdersService, { WatchOrder: open });
const account = { email: 'a@shop.example', fullName: 'A', password: 'correct horse' };
const watched = { orderId: '11111111-1111-4111-8111-111111111111', resumeToken: '' };

/** Counts the calls that reach a handler, of which the first `failing` fail. */
function failing(times: number, kind: FailureKind = 'unavailable') {
  const served = { calls: 0 };
  const once = () => {
    served.calls++;
    if (served.calls <= times) throw new DomainError(kind, 'TRY_AGAIN', 'not now');
  };
  return { served, once };
}

async function inventory(times: number, { kind, retries = true }: { kind?: FailureKind; retries?: boolean } = {}) {
  const { served, once } = failing(times, kind);
  const handler = async () => {
    once();
    return { stock: undefined };
  };
  const { target } = await serveOne(InventoryServiceService, inventoryContract, {
    getStock: handler,
    setStock: handler,
  });
  return { served, calls: client(InventoryServiceService, inventoryContract, { target, retries }) };
}

describe('a call that found the server unavailable', () => {
  it('is tried again, at most twice, when it has no side effects', async () => {
    const { served, calls } = await inventory(2);
    await calls.getStock({ stockCode: 'A' });
    expect(served.calls).toBe(3);
  });

  it('is tried again when its contract says that it may be repeated', async () => {
    const { served, calls } = await inventory(1);
    await calls.setStock({ stockCode: 'A', onHand: 1n });
    expect(served.calls).toBe(2);
  });

  it('fails as what the last try failed with', async () => {
    const { served, calls } = await inventory(Number.POSITIVE_INFINITY);
    await expect(calls.getStock({ stockCode: 'A' })).rejects.toMatchObject({ reason: 'TRY_AGAIN' });
    expect(served.calls).toBe(3);
  });

  it('is tried once when its contract does not say that it may be repeated', async () => {
    const { served, once } = failing(1);
    const { target } = await serveOne(UsersServiceService, UsersService, {
      register: async () => {
        once();
        return { user: undefined };
      },
    });
    const users = client(UsersServiceService, UsersService, { target, retries: true });
    await expect(users.register(account)).rejects.toMatchObject({ reason: 'TRY_AGAIN' });
    expect(served.calls).toBe(1);
  });

  it('is tried once where the mesh retries', async () => {
    const { served, calls } = await inventory(1, { retries: false });
    await expect(calls.getStock({ stockCode: 'A' })).rejects.toMatchObject({ reason: 'TRY_AGAIN' });
    expect(served.calls).toBe(1);
  });

  it('of a stream is tried again as long as nothing has come', async () => {
    const { served, once } = failing(1);
    const { target } = await serveOne(OrdersServiceService, ordersContract, {
      watchOrder: async function* () {
        once();
        yield { ...watched, status: 1, reason: '', version: 1n, changeTime: undefined, paymentStatus: 0 };
      },
    });
    const seen: bigint[] = [];
    const orders = client(OrdersServiceService, ordersContract, { target, retries: true });
    for await (const { version } of orders.watchOrder(watched)) seen.push(version);
    expect(seen).toEqual([1n]);
    expect(served.calls).toBe(2);
  });
});

describe('any other failure', () => {
  it.each<FailureKind>(['aborted', 'resource-exhausted', 'failed-precondition', 'not-found'])(
    'is not tried again (%s)',
    async (kind) => {
      const { served, calls } = await inventory(1, { kind });
      await expect(calls.getStock({ stockCode: 'A' })).rejects.toMatchObject({ reason: 'TRY_AGAIN' });
      expect(served.calls).toBe(1);
    },
  );
});
