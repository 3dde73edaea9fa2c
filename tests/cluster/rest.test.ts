import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '@weft/kit/testing';
import { openShop, type Shop } from '../flows/shop.ts';
import { askByRest, restBuyer, restCustomer, restTurns } from './rest.ts';

let shop: Shop;
const base = () => shop.booted.http('gateway');
beforeAll(async () => {
  shop = await openShop('all');
}, 90_000);
afterAll(() => shop?.booted.stop());

it('the tests of a cluster take an order by REST alone to its end', async () => {
  const buyer = await restCustomer(base());
  const orderId = await buyer.place(await shop.product({}), 2n);
  await eventually(async () => (await buyer.statusOf(orderId)) === 'ORDER_STATUS_COMPLETED');
});

it('they tell a token that is forged', async () => {
  const { token } = await restCustomer(base());
  const { status } = await askByRest(base(), 'orders', { token: `${token.slice(0, -8)}AAAAAAAA` });
  expect(status).toBe(401);
});

it('they count what is answered by REST, and see each call that is not', async () => {
  const productId = await shop.product({});
  const [orders, failed]: [string[], string[]] = [[], []];
  let answers = 0;
  const call = async <T>(method: string, answer: Promise<T>) => {
    try {
      const got = await answer;
      answers++;
      return got;
    } catch (error) {
      failed.push(`${method} ${error}`);
      return undefined;
    }
  };
  const turn = restTurns(await restCustomer(base()), productId, call, orders);
  for (let n = 0; n < 20; n++) await turn();
  expect([failed, orders.length, answers]).toEqual([[], 1, 41]);
  const stranger = restTurns(restBuyer(base(), 'no token'), productId, call, orders);
  await stranger();
  expect(failed.map((one) => one.slice(0, 50))).toEqual([
    expect.stringContaining('PlaceOrder by REST Error: orders 401'),
    expect.stringContaining('GetProduct by REST Error: products/'),
  ]);
  expect((await shop.ended(orders[0] ?? '')).orderId).toBe(orders[0]);
});
