import { afterEach, describe, expect, it } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import { eventually } from '@weft/kit/testing';
import { type Edge, openEdge } from './fixture.ts';
import { product } from './stubs.ts';

let edge: Edge | undefined;
afterEach(async () => {
  await edge?.stop();
  edge = undefined;
});

const LIST = 'weft.catalog.v1.CatalogService/ListProducts';
const SEARCH = 'weft.catalog.v1.CatalogService/SearchProducts';
const GET = 'weft.catalog.v1.CatalogService/GetProduct';

/** The values of one metric, each by the values of its labels in the order of their names. */
async function told(name: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${(edge as Edge).booted.ops('gateway')}/metrics`)).text();
  const series = text.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)`, 'gm'));
  return Object.fromEntries(
    [...series].map(([, pairs = '', value]) => {
      const labels = [...pairs.matchAll(/(\w+)="([^"]*)"/g)].filter(([, key = '']) => !key.startsWith('otel_'));
      const sorted = labels.sort(([, a = ''], [, b = '']) => (a < b ? -1 : 1));
      return [sorted.map(([, , one]) => one).join(' '), Number(value)];
    }),
  );
}

const get = async (path: string) => (await (edge as Edge).send(`/api/v2/${path}`)).status;

describe('the metrics of the gateway', () => {
  it('tell what became of each lookup of a copy, and how many calls are being served', async () => {
    const gate = Promise.withResolvers<void>();
    let slow = false;
    edge = await openEdge({
      catalog: {
        getProduct: async ({ productId }) => {
          if (productId === 'none') throw new DomainError('not-found', 'PRODUCT_NOT_FOUND', 'no such product');
          if (slow) await gate.promise;
          return { product: product() };
        },
      },
    });
    expect(await told('weft_cache_lookups_total')).toMatchObject({ [`fresh ${GET}`]: 0, [`stale ${GET}`]: 0 });
    // Once events are followed.
    await eventually(async () => {
      await get('products/lantern');
      return ((await told('weft_cache_lookups_total'))[`fresh ${GET}`] ?? 0) > 0;
    });
    const before = await told('weft_cache_lookups_total');
    await get('products/none');
    await get('products/none');
    slow = true;
    const both = [get('products/slow'), get('products/slow')];
    await eventually(async () => (await told('weft_bulkhead_calls'))['running catalog'] === 1);
    const inFlight = async () => Object.values(await told('weft_rpc_server_in_flight'));
    expect(await inFlight()).toEqual([2]);
    gate.resolve();
    await Promise.all(both);
    expect(await inFlight()).toEqual([0]);
    const after = await told('weft_cache_lookups_total');
    const came = (outcome: string) => (after[`${outcome} ${GET}`] ?? 0) - (before[`${outcome} ${GET}`] ?? 0);
    expect(['absent', 'miss', 'shared', 'fresh', 'stale'].map(came)).toEqual([1, 2, 1, 0, 0]);
  });

  it('tell that a breaker is open, what stood in for the service, and what was refused for it', async () => {
    const handlers = { catalog: { listProducts: async () => ({ products: [product()], nextPageToken: '' }) } };
    edge = await openEdge(handlers, { CLIENT_RETRIES: 'false', RATE_LIMITS: `${SEARCH}=7/3600` });
    expect(await told('weft_breaker_state')).toMatchObject({
      'closed catalog': 1,
      'half-open catalog': 0,
      'open catalog': 0,
    });
    expect(Object.values(await told('weft_limit_rejections_total'))).toEqual([0, 0, 0, 0, 0]);
    expect(await get('products')).toBe(200);
    await edge.stubs.stop('catalog');
    expect(await get('products')).toBe(200);
    for (let n = 0; n < 5; n++) await get('products:search?query=lamp');
    expect(await told('weft_breaker_state')).toMatchObject({ 'closed catalog': 0, 'open catalog': 1 });
    expect(await told('weft_cache_lookups_total')).toMatchObject({ [`stale ${LIST}`]: 1 });
    for (let n = 0; n < 3; n++) await get('products:search?query=lamp');
    expect(await told('weft_limit_rejections_total')).toMatchObject({ CIRCUIT_OPEN: 3, RATE_LIMITED: 1 });
  });
});
