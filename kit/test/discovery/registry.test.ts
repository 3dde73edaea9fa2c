import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { openRegistry, type Registry } from '@weft/kit/discovery';
import { RemoteError } from '@weft/kit/rpc';
import { createLogger } from '@weft/kit/telemetry';
import { eventually, hasNats, startNats, type TestNats } from '@weft/kit/testing';
import { stage } from '../rpc/stage.ts';

const TTL = 1_500;
const { serveOne, client, after } = stage();
const silent = createLogger({ level: 'silent', pretty: false });

(hasNats ? describe : describe.skip)('a registry on NATS', () => {
  let nats: TestNats;
  beforeEach(async () => {
    nats = await startNats();
  });
  afterEach(() => nats.drop());

  async function open(): Promise<Registry> {
    const registry = await openRegistry({ url: nats.url, name: 'test', logger: silent, ttl: TTL, pollEvery: 200 });
    after(() => registry.close());
    return registry;
  }
  /** An instance that answers with its name, known to a registry of its own. */
  async function instance(name: string) {
    const stock = { stockCode: name, onHand: 0n, reserved: 0n, available: 0n, version: 0n, updateTime: undefined };
    const served = await serveOne(InventoryServiceService, InventoryService, {
      batchGetStock: async () => ({ stocks: [stock] }),
    });
    const registry = await open();
    const registration = await registry.register('inventory', served.target);
    return { ...served, registry, registration };
  }
  function caller(registry: Registry) {
    const inventory = client(InventoryServiceService, InventoryService, {
      target: 'weft:///inventory',
      caller: 'catalog',
      registry,
    });
    return async () => {
      const { stocks } = await inventory.batchGetStock({ stockCodes: ['A'] }, { timeout: 5_000 });
      return stocks[0]?.stockCode;
    };
  }
  const seen = async (call: () => Promise<string | undefined>, calls = 20) => {
    const names = new Set<string | undefined>();
    for (let count = 0; count < calls; count++) names.add(await call());
    return [...names].sort();
  };

  it('shares calls between all instances, and takes in those that come', async () => {
    await instance('one');
    const call = caller(await open());
    expect(await seen(call)).toEqual(['one']);
    await instance('two');
    await eventually(async () => expect(await seen(call)).toEqual(['one', 'two']));
  });

  it('knows an instance no more as soon as it says so, and loses no call by it', async () => {
    const [one] = [await instance('one'), await instance('two')];
    const registry = await open();
    const call = caller(registry);
    await eventually(async () => expect(await seen(call)).toEqual(['one', 'two']));
    let addresses: readonly string[] = [];
    registry.watch('inventory', (now) => {
      addresses = now;
    });
    await eventually(() => expect(addresses).toHaveLength(2));
    await one.registration.deregister();
    await eventually(async () => expect(await seen(call)).toEqual(['two']));
    expect(addresses).toHaveLength(1);
    expect(await seen(call, 100)).toEqual(['two']);
  });

  it('forgets an instance that died, while calls go to the others', async () => {
    const [one] = [await instance('one'), await instance('two')];
    const registry = await open();
    const call = caller(registry);
    await eventually(async () => expect(await seen(call)).toEqual(['one', 'two']));
    // Dies without a word: neither its server nor its signs of life are there any more.
    await one.registry.close();
    await one.server.stop(0);
    await eventually(async () => expect(await seen(call)).toEqual(['two']));
    let addresses: readonly string[] = [];
    registry.watch('inventory', (now) => {
      addresses = now;
    });
    await eventually(() => expect(addresses).toHaveLength(1));
  });

  it('keeps what it knew while it is away, and goes on afterwards', async () => {
    await instance('one');
    const call = caller(await open());
    expect(await seen(call)).toEqual(['one']);
    await nats.kill();
    expect(await seen(call, 50)).toEqual(['one']);
    await nats.start();
    await instance('two');
    await eventually(async () => expect(await seen(call)).toEqual(['one', 'two']));
  });

  it('leaves an instance out for a while that fails its calls', async () => {
    await instance('one');
    const broken = await serveOne(InventoryServiceService, InventoryService, {
      batchGetStock: async () => {
        throw new Error('broken');
      },
    });
    const registry = await open();
    await registry.register('inventory', broken.target);
    const call = caller(registry);
    let failed = 0;
    const tried = () =>
      call().catch((error: RemoteError) => {
        expect(error.code).toBe(status.INTERNAL);
        failed++;
      });
    await eventually(async () => {
      failed = 0;
      for (let count = 0; count < 50; count++) await tried();
      expect(failed).toBe(0);
    });
  });

  it('says which service nobody offers', async () => {
    const error = await caller(await open())().catch((refusal: unknown) => refusal);
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ code: status.UNAVAILABLE });
    expect((error as RemoteError).message).toContain('no instance of inventory');
  });

  it('is named when it cannot be reached', async () => {
    await nats.kill();
    await expect(open()).rejects.toThrow(`registry at 127.0.0.1:${nats.port}`);
  });
});

it('a target of the registry without a registry is refused at once', () => {
  expect(() => client(InventoryServiceService, InventoryService, { target: 'weft:///inventory' })).toThrow(
    'needs a registry: set DISCOVERY=registry and REGISTRY_URL',
  );
});
