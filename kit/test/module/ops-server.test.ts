import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { HealthState } from '@weft/kit/rpc';
import { createMetrics } from '@weft/kit/telemetry';
import { freePort } from '@weft/kit/testing';
import { type OpsServer, startOpsServer } from '../../src/module/ops-server.ts';

let metrics: ReturnType<typeof createMetrics>;
let ops: OpsServer;
beforeEach(async () => {
  metrics = createMetrics('1');
  ops = await startOpsServer('127.0.0.1', 0, metrics);
});
afterEach(async () => {
  await ops.stop();
  await metrics.stop();
});

const get = async (path: string, method = 'GET') => {
  const response = await fetch(`http://127.0.0.1:${ops.port}${path}`, { method });
  const text = await response.text();
  return {
    status: response.status,
    body: response.headers.get('content-type')?.includes('json') && text ? JSON.parse(text) : text,
  };
};

describe('the ops port', () => {
  it('says that the process lives', async () => {
    expect(await get('/livez')).toEqual({ status: 200, body: { status: 'ok' } });
  });

  it('says that it is ready when every service is, and which one is not', async () => {
    let state: HealthState = { serving: true, dependencies: { database: 'ok' } };
    ops.health.set('orders', () => ({ serving: true, dependencies: {} }));
    ops.health.set('users', () => state);
    ops.started();
    expect((await get('/readyz?verbose')).status).toBe(200);
    state = { serving: false, dependencies: { database: 'DatabaseUnavailable' } };
    expect(await get('/readyz')).toEqual({
      status: 503,
      body: { orders: { serving: true, dependencies: {} }, users: state },
    });
    expect(await get('/readyz', 'HEAD')).toEqual({ status: 503, body: '' });
  });

  it('tells its metrics in the text format of Prometheus, compressed to whoever takes that', async () => {
    metrics.meter.createCounter('weft.tested', { description: 'Tests' }).add(3, { kind: 'unit' });
    const scraped = async (encoding?: string) => {
      const headers = encoding === undefined ? {} : { 'accept-encoding': encoding };
      const [response] = (await once(
        request({ port: ops.port, host: '127.0.0.1', path: '/metrics', headers }).end(),
        'response',
      )) as [IncomingMessage];
      const body = Buffer.concat(await response.toArray());
      const { 'content-type': type, 'content-encoding': coding } = response.headers;
      return { type, coding, text: String(coding === 'gzip' ? gunzipSync(body) : body) };
    };
    for (const [encoding, coding] of [['gzip, deflate', 'gzip'], ['gzip;q=0'], ['identity'], []]) {
      const { text, ...told } = await scraped(encoding);
      expect(told).toEqual({ type: 'text/plain; version=0.0.4; charset=utf-8', coding });
      expect(text).toMatch(/^weft_tested_total\{kind="unit"\} 3$/m);
    }
  });

  it('is not ready before everything has started', async () => {
    expect((await get('/readyz')).status).toBe(503);
    ops.health.set('orders', () => ({ serving: true, dependencies: {} }));
    expect((await get('/readyz')).status).toBe(503);
    ops.started();
    expect((await get('/readyz')).status).toBe(200);
  });

  it('says at /startupz that it is starting, and that it has started for good, whatever fails later', async () => {
    expect(await get('/startupz')).toEqual({ status: 503, body: { status: 'starting' } });
    expect((await get('/livez')).status).toBe(200);
    ops.started();
    expect(await get('/startupz')).toEqual({ status: 200, body: { status: 'ok' } });
    ops.health.set('orders', () => ({ serving: false, dependencies: { database: 'DatabaseUnavailable' } }));
    expect((await get('/startupz')).status).toBe(200);
    expect((await get('/livez')).status).toBe(200);
  });

  it('serves metrics and the routes of services, and nothing else', async () => {
    ops.routes.set('/.well-known/jwks.json', async () => ({ keys: [] }));
    expect(await get('/.well-known/jwks.json')).toEqual({ status: 200, body: { keys: [] } });
    expect((await get('/metrics')).body).toContain('target_info');
    expect((await get('/')).status).toBe(404);
    expect((await get('/livez', 'POST')).status).toBe(405);
  });

  it('says nothing of why a route failed', async () => {
    ops.routes.set('/broken', async () => {
      throw new Error('sesame');
    });
    expect(await get('/broken')).toEqual({ status: 500, body: { error: 'internal error' } });
  });

  it('changes how much is logged for who runs the process, and for no web page', async () => {
    const levels: string[] = [];
    ops.onLogLevel((level) => levels.push(level));
    const post = async (level: string, headers: Readonly<Record<string, string>>) => {
      const asked = request({
        port: ops.port,
        host: '127.0.0.1',
        path: `/log-level?level=${level}`,
        method: 'POST',
        headers,
      });
      asked.end();
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      answer.resume();
      return answer.statusCode;
    };
    const host = `127.0.0.1:${ops.port}`;
    const ours = [{ host }, { host: 'localhost' }, { host: '[::1]:9464' }, { host, 'sec-fetch-site': 'none' }];
    for (const headers of ours) expect([headers, await post('debug', headers)]).toEqual([headers, 200]);
    const pages = [
      { host, origin: 'https://page.example' },
      { host, origin: 'null' },
      { host, 'sec-fetch-site': 'cross-site' },
      { host, 'sec-fetch-site': 'same-site' },
      { host: `page.example:${ops.port}` },
      { host: '127.0.0.1.page.example' },
    ];
    for (const headers of pages) expect([headers, await post('silent', headers)]).toEqual([headers, 403]);
    expect(levels).toEqual(ours.map(() => 'debug'));
  });

  it('that is taken is named in one line', async () => {
    const port = await freePort();
    const other = createServer().listen(port, '127.0.0.1');
    await expect(startOpsServer('127.0.0.1', port, metrics)).rejects.toThrow(
      `port ${port} on 127.0.0.1 is in use (OPS_PORT)`,
    );
    other.close();
  });
});
