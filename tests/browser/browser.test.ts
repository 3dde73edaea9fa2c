import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { type Browser, chromium } from 'playwright-core';
import { earlier } from '../contract/openapi-document.ts';
import { openShop, type Shop } from '../flows/shop.ts';
import { chromiumPath } from '../setup/chromium.ts';
import type { Outcome, Visit } from './page.ts';

const PASSWORD = 'correct horse';

/** A page of its own origin, whose script is all that it has. */
async function servePage(script: string): Promise<{ server: Server; origin: string }> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(
      isScript ? script : '<!doctype html><title>A shop</title><script type="module" src="/page.js"></script>',
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

(chromiumPath === undefined ? describe.skip : describe)('a page in Chromium, which has to be on the path', () => {
  let shop: Shop;
  let browser: Browser;
  let ours: Awaited<ReturnType<typeof servePage>>;
  let theirs: Awaited<ReturnType<typeof servePage>>;
  let customer: { email: string; password: string };
  let productId: string;

  beforeAll(async () => {
    const entry = join(import.meta.dirname, 'page.ts');
    const built = await build({ entryPoints: [entry], bundle: true, format: 'esm', platform: 'browser', write: false });
    const script = built.outputFiles[0]?.text ?? '';
    ours = await servePage(script);
    theirs = await servePage(script);
    shop = await openShop('all', { GATEWAY_CORS_ORIGINS: ours.origin });
    productId = await shop.product({ stock: 10n });
    customer = { email: `${crypto.randomUUID()}@shop.example`, password: PASSWORD };
    await shop.admin.users.register({ ...customer, fullName: 'Ada' });
    browser = await chromium.launch({ executablePath: chromiumPath as string, args: ['--no-sandbox'] });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    ours?.server.close();
    theirs?.server.close();
    await shop?.booted.stop();
  });

  async function visit(origin: string, protocol: Visit['protocol']): Promise<Outcome> {
    const page = await browser.newPage();
    try {
      await page.goto(origin);
      const one: Visit = { ...customer, protocol, productId, gateway: shop.booted.http('gateway') };
      return await page.evaluate(
        (given) => (globalThis as unknown as { visit: (one: Visit) => Promise<Outcome> }).visit(given),
        one,
      );
    } finally {
      await page.close();
    }
  }
  const ordersOf = async () => {
    const { user } = await shop.admin.users.login(customer);
    const { orders } = await shop.admin.orders.listOrders({
      customerId: user?.userId ?? '',
      status: 0,
      pageSize: 0,
      pageToken: '',
    });
    return orders.map(({ orderId }) => orderId);
  };

  it.each(['connect', 'grpc-web'] as const)(
    'signs in, lists products and has its order delivered, by %s',
    async (protocol) => {
      const { titles, orderId, statuses, refused } = await visit(ours.origin, protocol);
      expect(titles).toEqual(['Lantern']);
      expect(statuses.at(-1)).toBe('COMPLETED');
      expect(refused).toBe('ORDER_NOT_FOUND');
      expect(await ordersOf()).toContain(orderId);
    },
    60_000,
  );

  it.each([
    ['/docs', 'Weft 2', '/api/v2/', false],
    ['/docs?of=/openapi.v1.json', 'Weft 1', '/api/v1/', true],
  ] as const)(
    'shows the operations of a document at %s, struck out where they are deprecated',
    async (path, title, start, old) => {
      const page = await browser.newPage();
      try {
        await page.goto(shop.booted.http('gateway') + path);
        await page.waitForSelector('details code');
        const codes = await page.locator('details code').allTextContents();
        expect(codes).toHaveLength(earlier.operations.length);
        expect(codes.every((one) => one.startsWith(start))).toBe(true);
        expect(await page.locator('details code.old').count()).toBe(old ? codes.length : 0);
        expect(await page.textContent('h1')).toBe(title);
      } finally {
        await page.close();
      }
    },
    60_000,
  );

  it('of an origin that is not named gets nothing', async () => {
    const before = await ordersOf();
    await expect(visit(theirs.origin, 'connect')).rejects.toThrow(/Failed to fetch/);
    expect(await ordersOf()).toEqual(before);
  }, 60_000);
});
