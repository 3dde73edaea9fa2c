import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import { eventually } from '@weft/kit/testing';
import { type Edge, openEdge } from '../../services/gateway/test/fixture.ts';
import { ORDER_ID, product } from '../../services/gateway/test/stubs.ts';
import { type Collector, startCollector } from './collector.ts';

describe('at the gateway, where nothing is sampled', () => {
  let collector: Collector;
  let edge: Edge;
  beforeEach(async () => {
    collector = await startCollector();
    edge = await openEdge(
      {
        catalog: {
          getProduct: async () => ({ product: product() }),
          searchProducts: async () => {
            throw new DomainError('unavailable', 'SEARCH_AWAY', 'away');
          },
        },
      },
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
        TRACE_PERCENT: '0',
        CLIENT_RETRIES: 'false',
        RATE_LIMIT: '1000/60',
        BREAKER_FAILURES: '5',
      },
    );
  });
  afterEach(async () => {
    await edge?.stop();
    await collector?.stop();
  });

  const reasons = () => collector.spans.map(({ attributes }) => attributes['weft.reason']).filter(Boolean);

  it('a call that it fails itself is recorded, though it asked no service', async () => {
    expect((await edge.send('/api/v2/products/lantern')).status).toBe(200);
    let last = '';
    for (let n = 0; n < 6; n++) last = (await edge.send('/api/v2/products:search?query=lamp')).json.reason;
    expect(last).toBe('CIRCUIT_OPEN');
    await eventually(() => reasons().includes('CIRCUIT_OPEN'), 10_000);
    expect(collector.spans.filter(({ name }) => name.endsWith('GetProduct'))).toEqual([]);
  }, 30_000);

  it('who guesses tokens takes no room from what fails', async () => {
    const guess = () => edge.send(`/api/v2/orders/${ORDER_ID}`, { as: 'no.such.token' });
    for (let n = 0; n < 60; n++) expect((await guess()).status).toBe(401);
    await edge.send('/api/v2/products:search?query=lamp');
    await eventually(() => reasons().includes('SEARCH_AWAY'), 10_000);
  }, 30_000);
});
