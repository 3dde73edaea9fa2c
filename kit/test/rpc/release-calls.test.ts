import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Http2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@weft/kit/testing';
import { releaseCalls } from '../../src/rpc/release-calls.ts';

const HELD = fileURLToPath(new URL('./held-by-bound.ts', import.meta.url));

describe('what an asynchronous resource binds', () => {
  beforeAll(releaseCalls);

  it('runs in the context of its resource, with its arguments, and gives what the function gives', () => {
    const storage = new AsyncLocalStorage<string>();
    const resource = storage.run('there', () => new AsyncResource('TEST'));
    const bound = resource.bind((one: number, other: number) => [storage.getStore(), one + other]);
    expect(bound(1, 2)).toEqual(['there', 3]);
  });

  it('has the receiver that it is called on, or the one that it was given', () => {
    const name = function (this: { name: string }) {
      return this.name;
    };
    const resource = new AsyncResource('TEST');
    const bind = resource.bind as (work: typeof name, receiver?: object) => typeof name;
    expect(bind.call(resource, name).call({ name: 'called' })).toBe('called');
    expect(bind.call(resource, name, { name: 'given' }).call({ name: 'called' })).toBe('given');
  });

  it('goes with the next collection of what is young', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', HELD, 'released']);
    expect(Number(stdout)).toBeLessThan(10);
  });
});

describe('an HTTP/2 stream', () => {
  beforeAll(releaseCalls);

  it('has no listeners when it is closed, and whoever listened has heard of it', async () => {
    const streams: Http2Stream[] = [];
    const server = createServer().listen(0, '127.0.0.1');
    server.on('stream', (stream) => {
      streams.push(stream);
      stream.respond();
      stream.end('answer');
    });
    await once(server, 'listening');
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    try {
      const stream = session.request();
      streams.push(stream);
      const closed = once(stream, 'close');
      let body = '';
      for await (const part of stream) body += part;
      await closed;
      expect(body).toBe('answer');
      await eventually(async () => expect(streams.map((one) => one.eventNames())).toEqual([[], []]));
    } finally {
      session.close();
      server.close();
    }
  });
});
