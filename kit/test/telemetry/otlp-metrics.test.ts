import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createMetrics, type Metrics } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';

const CALLS = { unit: 's', description: 'calls', boundaries: [0.1, 1] };

describe('metrics that are sent to a collector', () => {
  let collector: Server;
  let url: string;
  let metrics: Metrics | undefined;
  let bodies: Buffer[];
  beforeEach(async () => {
    bodies = [];
    collector = createServer(async (request, response) => {
      bodies.push(await buffer(request));
      response.end();
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/metrics`;
  });
  afterEach(async () => {
    await metrics?.stop();
    collector.closeAllConnections();
    collector.close();
  });

  const open = () => {
    metrics = createMetrics('1.2.3', { service: 'orders', url, every: 100 });
    metrics.meter.createCounter('weft.orders').add(1, { state: 'COMPLETED' });
    metrics.histogram('weft.calls', CALLS).series({ method: 'GetOrder' }).record(0.2);
    return metrics;
  };

  it('are all of the process’s, again and again, with its name', async () => {
    open();
    await eventually(() => bodies.length >= 2);
    const words = ['weft.orders', 'COMPLETED', 'weft.calls', 'GetOrder', 'nodejs.eventloop.delay.p99', 'service.name'];
    expect(words.filter((word) => !bodies.at(-1)?.includes(word))).toEqual([]);
  });

  it('have the names by which they are scraped: Prometheus would put their units behind them', async () => {
    open();
    await eventually(() => bodies.length >= 1);
    // The fields of a metric: 2, its description, and 3, its unit.
    expect(bodies.at(-1)?.includes('\x12\x05calls')).toBe(true);
    expect(bodies.at(-1)?.includes('calls\x1a\x01s')).toBe(false);
  });

  it('are sent once more when the process stops', async () => {
    const { stop } = open();
    metrics = undefined;
    await stop();
    expect(bodies.at(-1)?.includes('weft.orders')).toBe(true);
  });

  it('do not hold the stop up where nobody takes them', async () => {
    collector.removeAllListeners('request');
    const { stop } = open();
    metrics = undefined;
    const began = performance.now();
    await stop();
    expect(performance.now() - began).toBeLessThan(4_000);
  });
});
