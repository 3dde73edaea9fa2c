import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { CatalogServiceService } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { DomainError } from '@weft/kit/failure';
import { callMetrics } from '@weft/kit/rpc';
import { createMetrics } from '@weft/kit/telemetry';
import { type OpsServer, startOpsServer } from '../../src/module/ops-server.ts';
import { contractWith } from './contract-with.ts';
import { stage } from './stage.ts';

const { serveOne, client } = stage();
const contract = contractWith(InventoryService, { GetStock: { roles: [1] } });
let metrics: ReturnType<typeof createMetrics>;
let ops: OpsServer;
beforeEach(async () => {
  metrics = createMetrics('1.2.3');
  ops = await startOpsServer('127.0.0.1', 0, metrics);
});
afterEach(async () => {
  await ops.stop();
  await metrics.stop();
});

interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

async function scrape(): Promise<{ text: string; series: Series[] }> {
  const text = await (await fetch(`http://127.0.0.1:${ops.port}/metrics`)).text();
  const series = [...text.matchAll(/^(\w+)\{(.*)\} (\S+)/gm)].map(([, name = '', labels = '', value]) => ({
    name,
    labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text])),
    value: Number(value),
  }));
  return { text, series };
}

/** Two services of one process, as they share its meter. */
async function twoServices() {
  const observers = (service: string) => [callMetrics(metrics, service, '1.2.3')];
  const stock = await serveOne(
    InventoryServiceService,
    contract,
    {
      getStock: async ({ stockCode }) => {
        if (stockCode === 'none') throw new DomainError('not-found', 'STOCK_NOT_FOUND', 'none');
        return { stock: undefined };
      },
    },
    { observers: observers('inventory') },
  );
  const shop = await serveOne(
    CatalogServiceService,
    CatalogService,
    { searchProducts: async () => ({ products: [], nextPageToken: '' }) },
    { observers: observers('catalog') },
  );
  return {
    inventory: client(InventoryServiceService, contract, { target: stock.target, observers: observers('shop') }),
    catalog: client(CatalogServiceService, CatalogService, { target: shop.target, observers: observers('shop') }),
  };
}

describe('call metrics', () => {
  it('count every call by method, code and version, and by nothing that callers choose', async () => {
    const { inventory, catalog } = await twoServices();
    for (const stockCode of ['a', 'b', 'none']) await inventory.getStock({ stockCode }).catch(() => {});
    await inventory.getStock({ stockCode: 'not a code' }).catch(() => {});
    await catalog.searchProducts({ query: 'lamp', pageSize: 0, pageToken: '' });
    const { series } = await scrape();
    const counts = series.filter(({ name }) => name === 'rpc_server_call_duration_count');
    const stock = { rpc_method: 'weft.inventory.v1.InventoryService/GetStock', service_version: '1.2.3' };
    expect(
      counts.map(({ labels, value }) => ({ method: labels.rpc_method, code: labels.rpc_response_status_code, value })),
    ).toEqual([
      { method: stock.rpc_method, code: 'OK', value: 2 },
      { method: stock.rpc_method, code: 'NOT_FOUND', value: 1 },
      { method: stock.rpc_method, code: 'INVALID_ARGUMENT', value: 1 },
      { method: 'weft.catalog.v1.CatalogService/SearchProducts', code: 'OK', value: 1 },
    ]);
    const rpc = series.filter(({ name }) => name.startsWith('rpc_'));
    const labels = new Set(rpc.flatMap((one) => Object.keys(one.labels)));
    const expected = [
      'rpc_system_name',
      'rpc_method',
      'rpc_response_status_code',
      'service_name',
      'service_version',
      'le',
    ];
    expect([...labels].sort()).toEqual(expected.sort());
  });

  it('tell both sides apart, and are in seconds', async () => {
    const { inventory } = await twoServices();
    await inventory.getStock({ stockCode: 'a' });
    const { series } = await scrape();
    const sum = (side: string) => series.find(({ name }) => name === `rpc_${side}_call_duration_sum`)?.value ?? 0;
    expect(sum('server')).toBeGreaterThan(0);
    expect(sum('server')).toBeLessThan(5);
    expect(sum('client')).toBeGreaterThanOrEqual(sum('server'));
  });

  it('of several services in one process are one metric', async () => {
    const { inventory, catalog } = await twoServices();
    await inventory.getStock({ stockCode: 'a' });
    await catalog.searchProducts({ query: 'lamp', pageSize: 0, pageToken: '' });
    const { text, series } = await scrape();
    expect(text.match(/^# TYPE rpc_server_call_duration histogram$/gm)).toHaveLength(1);
    const services = (side: string) =>
      series.filter(({ name }) => name === `rpc_${side}_call_duration_count`).map(({ labels }) => labels.service_name);
    expect([services('server'), services('client')]).toEqual([
      ['inventory', 'catalog'],
      ['shop', 'shop'],
    ]);
  });
});
