import { afterEach, describe, expect, it } from '@jest/globals';
import { openRegistry } from '@weft/kit/discovery';
import { readSettings } from '@weft/kit/module';
import { createLogger } from '@weft/kit/telemetry';
import { boot, eventually, hasNats, startNats } from '@weft/kit/testing';
import { tiny } from '../module/tiny-service.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

(hasNats ? describe : describe.skip)('a system with DISCOVERY=registry', () => {
  it('has its services in the registry while they serve', async () => {
    const nats = await startNats();
    closing.push(() => nats.drop());
    const env = { DISCOVERY: 'registry', REGISTRY_URL: nats.url };
    const logger = createLogger({ level: 'silent', pretty: false });
    const registry = await openRegistry({ url: nats.url, name: 'test', logger, ttl: 10_000, pollEvery: 200 });
    closing.push(() => registry.close());
    let addresses: readonly string[] = [];
    registry.watch('stock', (now) => {
      addresses = now;
    });
    const one = await boot([tiny('stock')], { env });
    const two = await boot([tiny('stock')], { env });
    closing.push(() => two.stop());
    const targets = [one.target('stock'), two.target('stock')];
    await eventually(() => expect(addresses).toEqual([...targets].sort()));
    await one.stop();
    await eventually(() => expect(addresses).toEqual(targets.slice(1)));
  });
});

describe('the target of a service that is called', () => {
  const environment = { DATABASE_URL: 'postgres://x@127.0.0.1/x', BUS_DATABASE_URL: 'postgres://x@127.0.0.1/x' };
  const orders = tiny('orders', {}, { needs: ['stock'] });
  const targetIn = (more: Record<string, string>) => {
    const jwks = { IDENTITY_JWKS_URL: 'http://127.0.0.1:9/' };
    return readSettings([orders], { ...environment, ...jwks, ...more }).configs[0]?.stockTarget;
  };

  it('is looked up in the registry where there is one, unless a setting names it', () => {
    const registry = { DISCOVERY: 'registry', REGISTRY_URL: 'nats://127.0.0.1:4222' };
    expect(targetIn(registry)).toBe('weft:///stock');
    expect(targetIn({ ...registry, STOCK_TARGET: '10.0.0.1:50051' })).toBe('10.0.0.1:50051');
    expect(() => targetIn({})).toThrow('ORDERS_STOCK_TARGET is required');
    expect(() => targetIn({ DISCOVERY: 'registry' })).toThrow('REGISTRY_URL is required');
  });
});
