import { connect, createServer } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, expect, it } from '@jest/globals';
import { startSystem } from '@weft/kit/module';
import { status } from '@weft/kit/rpc';
import { boot, eventually, freePort } from '@weft/kit/testing';
import { service as health } from 'grpc-health-check';
import { tiny, tinyClient } from './tiny-service.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const reservation = { reservationId: '11111111-1111-4111-8111-111111111111' };

function commit(target: string): Promise<unknown> {
  const client = tinyClient(target);
  closing.push(() => client.close());
  return client.commit(reservation);
}

function healthAt(target: string): Promise<unknown> {
  const { path, requestSerialize, responseDeserialize } = health.Check as NonNullable<typeof health.Check>;
  const client = new Client(target, credentials.createInsecure());
  closing.push(() => client.close());
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service: '' }, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

it('listens while its database is still starting, and refuses calls until it is there', async () => {
  const other = await boot([tiny('users')]);
  closing.push(() => other.stop());
  const url = new URL(other.database('users').url);
  const socket = url.searchParams.get('host');
  const behind = socket ? { path: `${socket}/.s.PGSQL.${url.port}` } : { host: url.hostname, port: Number(url.port) };
  url.searchParams.delete('host');
  url.host = `127.0.0.1:${await freePort()}`;
  const port = String(await freePort());
  const where = { DATABASE_URL: String(url), BUS_DATABASE_URL: other.bus.url, LOG_LEVEL: 'warn', GRPC_PORT: port };
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const service = tiny('orders', { commit: async () => ({ reservation: undefined }) });
  const environment = {
    ...where,
    OPS_PORT: String(await freePort()),
    IDENTITY_JWKS_URL: 'http://127.0.0.1:9/jwks.json',
  };
  const starting = startSystem([service], environment, { log });
  await eventually(() => lines.some((line) => line.includes('the start waits')));
  const target = `127.0.0.1:${port}`;
  const early = { code: status.UNAVAILABLE, reason: 'STARTING', retryAfter: 0.5 };
  await expect(commit(target)).rejects.toMatchObject(early);
  expect(await healthAt(target)).toEqual({ status: 'NOT_SERVING' });
  const server = createServer((here) => {
    const there = connect(behind);
    here.pipe(there).pipe(here);
    for (const end of [here, there]) end.on('error', () => {});
  });
  server.listen(Number(url.port), '127.0.0.1');
  closing.push(() => server.close());
  const system = await starting;
  closing.push(() => system.stop());
  await commit(target);
  expect(await healthAt(target)).toEqual({ status: 'SERVING' });
});
