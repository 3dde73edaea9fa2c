import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { setting } from '@weft/kit/config';
import { defineStateless, type Listener, type StatelessParts } from '@weft/kit/module';
import { type Booted, boot, eventually } from '@weft/kit/testing';

let booted: Booted | undefined;
afterEach(async () => {
  await booted?.stop();
});

/** A service that keeps nothing and answers on a port of its own. */
const greeter = (
  greeting: string,
  onStop: (graceMs: number) => void = () => {},
  dependencies: StatelessParts['dependencies'] = {},
) =>
  defineStateless({
    name: 'greeter',
    needs: [],
    settings: { port: setting.port('HTTP_PORT') },
    create: ({ config }) => ({
      dependencies,
      async listen(): Promise<Listener[]> {
        const server = createServer((_, response) => response.end(greeting)).listen(config.port, '127.0.0.1');
        await once(server, 'listening');
        const stop = async (graceMs: number) => {
          onStop(graceMs);
          server.close();
          server.closeAllConnections();
        };
        return [{ name: 'http', port: (server.address() as AddressInfo).port, announceStop() {}, stop }];
      },
    }),
  });

const NO_DATABASE = { GREETER_DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' };

it('a service that keeps nothing answers on its own port, without a database, and is ready', async () => {
  booted = await boot([greeter('good day')], { env: NO_DATABASE });
  expect(await (await fetch(booted.http('greeter'))).text()).toBe('good day');
  expect(booted.system.listeners.greeter).toEqual({ http: Number(new URL(booted.http('greeter')).port) });
  const ready = await fetch(`${booted.ops('greeter')}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([200, { greeter: { serving: true, dependencies: {} } }]);
  expect(await booted.system.pending()).toEqual({ greeter: 0 });
});

it('what it names as its dependencies is shown, and takes its readiness where it cannot do without', async () => {
  const broken = new Set<string>();
  const check = (name: string) => async () => {
    if (broken.has(name)) throw new Error('gone');
  };
  const dependencies = { store: check('store'), cache: { check: check('cache'), optional: true as const } };
  booted = await boot([greeter('good day', undefined, dependencies)], { env: NO_DATABASE });
  const ready = async () => {
    const answer = await fetch(`${booted?.ops('greeter')}/readyz`);
    return [answer.status, await answer.json()];
  };
  const is = (serving: boolean, store: string, cache: string) => [
    serving ? 200 : 503,
    { greeter: { serving, dependencies: { store, cache } } },
  ];
  const becomes = (state: unknown) => eventually(async () => JSON.stringify(await ready()) === JSON.stringify(state));
  expect(await ready()).toEqual(is(true, 'ok', 'ok'));
  broken.add('cache');
  await becomes(is(true, 'ok', 'Error'));
  broken.add('store');
  await becomes(is(false, 'Error', 'Error'));
  broken.clear();
  await becomes(is(true, 'ok', 'ok'));
});

it('its listener is told to stop, and how long it has', async () => {
  const graces: number[] = [];
  booted = await boot([greeter('good day', (graceMs) => graces.push(graceMs))], { env: NO_DATABASE });
  await booted.stop();
  booted = undefined;
  expect(graces).toHaveLength(1);
  expect(graces[0]).toBeGreaterThan(0);
});
