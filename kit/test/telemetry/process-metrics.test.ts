import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createSessionServer, connect as openSession } from 'node:http2';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createMetrics, type Metrics } from '@weft/kit/telemetry';
import { eventually } from '@weft/kit/testing';
import { type OpsServer, startOpsServer } from '../../src/module/ops-server.ts';
import { block } from './block.ts';

describe('what a process tells of itself', () => {
  const closing: (() => unknown)[] = [];
  let metrics: Metrics;
  let ops: OpsServer;
  beforeEach(async () => {
    metrics = createMetrics('1');
    ops = await startOpsServer('127.0.0.1', 0, metrics);
    closing.push(
      () => metrics.stop(),
      () => ops.stop(),
    );
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  const scrape = async () => {
    const answer = await fetch(`http://127.0.0.1:${ops.port}/metrics`, { headers: { connection: 'close' } });
    return answer.text();
  };
  const connections = async () => {
    const text = await scrape();
    const of = (direction: string) =>
      Number(new RegExp(`^weft_process_connections\\{.*direction="${direction}".*\\} (\\d+)`, 'm').exec(text)?.[1]);
    return [of('inbound'), of('outbound')] as const;
  };
  /** Waits until there are so many more than before. */
  const more = ([inbound, outbound]: readonly [number, number], count: number) =>
    eventually(async () => {
      const [accepted, opened] = await connections();
      return accepted === inbound + count && opened === outbound + count;
    });
  const listening = async <S extends Server>(server: S, at: number | string): Promise<S> => {
    server.listen(at);
    closing.push(() => server.close());
    await once(server, 'listening');
    return server;
  };
  const portOf = (server: Server) => (server.address() as AddressInfo).port;

  it('tells connections that callers opened from those that the process opened', async () => {
    const port = portOf(await listening(createServer(), 0));
    const before = await connections();
    const callers = [0, 1].map(() => connect(port, '127.0.0.1'));
    await more(before, 2);
    for (const one of callers) one.destroy();
    await more(before, 0);
  });

  it('counts the connections that do not keep it alive, such as an idle HTTP/2 session', async () => {
    const port = portOf(await listening(createSessionServer(), 0));
    const before = await connections();
    const session = openSession(`http://127.0.0.1:${port}`);
    await once(session, 'connect');
    session.unref();
    await more(before, 1);
    session.destroy();
    await more(before, 0);
  });

  it('counts connections to a Unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-sockets-'));
    closing.push(() => rm(folder, { recursive: true }));
    const path = join(folder, 'socket');
    await listening(createServer(), path);
    const before = await connections();
    const caller = connect(path);
    await more(before, 1);
    caller.destroy();
    await more(before, 0);
  });

  it('counts a connection whose driver takes all listeners away until it is closed', async () => {
    const port = portOf(await listening(createServer(), 0));
    const before = await connections();
    const caller = connect(port, '127.0.0.1');
    await once(caller, 'connect');
    caller.removeAllListeners();
    await more(before, 1);
    caller.destroy();
    await more(before, 0);
  });

  it('does not count a connection that came to nothing', async () => {
    const server = await listening(createServer(), 0);
    const port = portOf(server);
    server.close();
    const before = await connections();
    const caller = connect(port, '127.0.0.1');
    await once(caller, 'error');
    await more(before, 0);
  });

  it('tells each reader of a peak of the event loop, and not the first alone', async () => {
    const longest = async () => Number(/^nodejs_eventloop_delay_max (\S+)/m.exec(await scrape())?.[1]);
    await eventually(async () => {
      block(100);
      return (await longest()) > 0.05;
    });
    expect(await longest()).toBeGreaterThan(0.05);
    expect(await longest()).toBeGreaterThan(0.05);
  });
});
