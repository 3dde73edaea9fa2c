import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { eventually } from '@weft/kit/testing';
import { service } from 'grpc-health-check';
import { stage } from './stage.ts';

const { serveOne, after } = stage();
const SERVICE = 'weft.inventory.v1.InventoryService';
type Method = NonNullable<typeof service.Check>;
interface Answer {
  readonly status: string;
}

/** A server whose dependencies can be broken, and a client of its health as any prober has it. */
async function patient() {
  const broken = new Set<string>();
  const check = (name: string) => async () => {
    if (broken.has(name)) throw new Error('gone');
  };
  const checks = { database: check('database'), bus: check('bus') };
  const served = await serveOne(InventoryServiceService, InventoryService, {}, { checks });
  const client = new Client(served.target, credentials.createInsecure());
  after(() => client.close());
  const { Check, Watch, List } = service;
  const ask = <T>({ path, requestSerialize, responseDeserialize }: Method, request: object) =>
    new Promise<T>((resolve, reject) =>
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, answer) =>
        error ? reject(error) : resolve(answer as T),
      ),
    );
  return {
    ...served,
    broken,
    check: async (name = SERVICE) => (await ask<Answer>(Check as Method, { service: name })).status,
    list: () => ask<{ statuses: Record<string, Answer> }>(List as Method, {}),
    watch(name = SERVICE) {
      const { path, requestSerialize, responseDeserialize } = Watch as Method;
      const seen: string[] = [];
      const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: name });
      const ended = new Promise<ServiceError | undefined>((resolve) => {
        call.on('data', (answer: Answer) => seen.push(answer.status));
        call.on('error', resolve);
        call.on('end', () => resolve(undefined));
      });
      return { seen, ended, cancel: () => call.cancel() };
    },
  };
}

describe('health', () => {
  it('is SERVING, of the server and of its services, while every dependency is well', async () => {
    const { check, list, server } = await patient();
    expect([await check(''), await check()]).toEqual(['SERVING', 'SERVING']);
    expect((await list()).statuses).toEqual({ '': { status: 'SERVING' }, [SERVICE]: { status: 'SERVING' } });
    expect(server.health()).toEqual({ serving: true, dependencies: { database: 'ok', bus: 'ok' } });
  });

  it.each(['database', 'bus'])('tells a watcher when the %s fails and when it is back', async (dependency) => {
    const { broken, check, watch, server, logs } = await patient();
    const { seen, cancel, ended } = watch();
    await eventually(() => seen.length === 1);
    broken.add(dependency);
    await eventually(() => seen.length === 2);
    expect(await check()).toBe('NOT_SERVING');
    expect(server.health()).toMatchObject({ serving: false, dependencies: { [dependency]: 'Error' } });
    expect(logs()).toEqual([expect.objectContaining({ level: 'warn', dependency, msg: 'dependency failed' })]);
    broken.clear();
    await eventually(() => seen.length === 3);
    expect(seen).toEqual(['SERVING', 'NOT_SERVING', 'SERVING']);
    expect(await check()).toBe('SERVING');
    cancel();
    expect(await ended).toMatchObject({ code: status.CANCELLED });
  });

  it('of a service that is not here is unknown', async () => {
    const { check, watch } = await patient();
    await expect(check('weft.orders.v1.OrdersService')).rejects.toMatchObject({ code: status.NOT_FOUND });
    const { seen, cancel } = watch('weft.orders.v1.OrdersService');
    await eventually(() => seen.length === 1);
    expect(seen).toEqual(['SERVICE_UNKNOWN']);
    cancel();
  });

  it('is NOT_SERVING from when a stop is announced, and ends its watches when the server stops', async () => {
    const { check, watch, server } = await patient();
    const { seen, ended } = watch();
    await eventually(() => seen.length === 1);
    server.announceStop();
    expect(await check()).toBe('NOT_SERVING');
    await eventually(() => seen.length === 2);
    const began = performance.now();
    await server.stop(20_000);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(await ended).toBeUndefined();
    expect(seen).toEqual(['SERVING', 'NOT_SERVING']);
  });
});
