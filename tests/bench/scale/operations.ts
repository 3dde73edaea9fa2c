import type { clientsAt } from '../../flows/shop.ts';
import { END_STATES, orderOf } from '../../flows/shop.ts';
import { searches } from './goods.ts';

/** Does one call, and gives the milliseconds that it took. */
export type Operation = () => Promise<number>;

type Clients = Awaited<ReturnType<typeof clientsAt>>;
type Named = readonly [name: string, operation: Operation];

export interface Callers {
  readonly admin: Clients;
  /** Has orders for all pages. */
  readonly pager: Clients;
  readonly buyer: Clients;
}

const PAGE_SIZE = 20;

/** What is measured, by name. The far page is that with the number `pages`. */
export async function operationsOf(
  { admin, pager, buyer }: Callers,
  products: number,
  pages: number,
): Promise<ReadonlyMap<string, Operation>> {
  return new Map([
    ...searching(admin, products),
    ...(await listing('own', pager, pages)),
    ...(await listing('all', admin, pages)),
    placing(buyer, products),
  ]);
}

function searching({ catalog }: Clients, products: number): Named[] {
  return Object.entries(searches).map(([name, queryOf]) => {
    const search = async () => {
      const query = queryOf(products);
      const found = await catalog.searchProducts({ query, pageSize: PAGE_SIZE, pageToken: '' });
      if (found.products.length !== PAGE_SIZE) throw new Error(`${query}: ${found.products.length} products`);
    };
    return [`search ${name}`, timed(search)];
  });
}

async function listing(whose: string, { orders }: Clients, pages: number): Promise<Named[]> {
  const list = async (pageToken: string) => {
    const page = await orders.listOrders({ customerId: '', status: 0, pageSize: PAGE_SIZE, pageToken });
    if (page.orders.length !== PAGE_SIZE) throw new Error(`a page of ${page.orders.length} ${whose} orders`);
    return page.nextPageToken;
  };
  let farToken = '';
  for (let page = 1; page < pages; page++) farToken = await list(farToken);
  return [
    [`list ${whose} near`, timed(() => list(''))],
    [`list ${whose} far`, timed(() => list(farToken))],
  ];
}

function placing({ orders }: Clients, products: number): Named {
  const place = async () => {
    const first = Math.floor(Math.random() * products);
    const lines = [first, (first + 1) % products].map((number) => {
      return { productId: `P${String(number).padStart(6, '0')}`, quantity: 1n };
    });
    const wanted = { ...orderOf(''), lines };
    const began = performance.now();
    const { order } = await orders.placeOrder(wanted);
    const took = performance.now() - began;
    // What others do for the order is not to fall into the next call.
    for await (const { status } of orders.watchOrder({ orderId: order?.orderId ?? '', resumeToken: '' }))
      if (END_STATES.includes(status)) break;
    return took;
  };
  return ['place', place];
}

function timed(work: () => Promise<unknown>): Operation {
  return async () => {
    const began = performance.now();
    await work();
    return performance.now() - began;
  };
}
