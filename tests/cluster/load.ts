import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { clientsAt, orderOf } from '../flows/shop.ts';
import { restBuyer, restTurns } from './rest.ts';
import type { System } from './system.ts';

export interface Load {
  /** Calls that were answered. */
  readonly answered: number;
  /** Time, method, status and words of those that were not. */
  readonly failed: readonly string[];
  readonly orders: readonly string[];
  /** How many of the calls that were answered came by REST. */
  readonly byRest: number;
}

const BUYERS = 3;
const PAUSE_MS = 60;
/** The gateway lets somebody read something ten times a second. */
const REST_PAUSE_MS = 150;

/** Orders, reads and registrations by gRPC, orders and reads by REST as well, by clients that try nothing twice, for as long as the work takes. */
export async function underLoad(system: System, work: () => Promise<void>): Promise<Load> {
  let going = true;
  let answered = 0;
  let byRest = 0;
  const failed: string[] = [];
  const orders: string[] = [];
  const without = (token?: string) => clientsAt(() => system.ingress, token, false);
  const productId = await system.product({ stock: 1_000_000n });
  const buyers = await Promise.all(Array.from({ length: BUYERS }, () => system.customer()));

  const call = async <T>(method: string, answer: Promise<T>): Promise<T | undefined> => {
    try {
      const got = await answer;
      answered++;
      if (method.endsWith('by REST')) byRest++;
      return got;
    } catch (error) {
      failed.push(`${new Date().toISOString()} ${method} ${error}`);
      return undefined;
    }
  };
  const whileGoing = async (pause: number, turn: () => Promise<void>) => {
    while (going) {
      await turn();
      await delay(pause);
    }
  };
  const guest = await without();
  const loops = [
    ...buyers.map(async ({ token }) => {
      const buyer = await without(token);
      await whileGoing(PAUSE_MS, async () => {
        const placed = await call('PlaceOrder', buyer.orders.placeOrder(orderOf(productId, 1n)));
        const orderId = placed?.order?.orderId;
        if (orderId === undefined) return;
        orders.push(orderId);
        await call('GetOrder', buyer.orders.getOrder({ orderId }));
      });
    }),
    ...buyers.map(({ token }) =>
      whileGoing(REST_PAUSE_MS, restTurns(restBuyer(`http://${system.ingress}`, token), productId, call, orders)),
    ),
    whileGoing(PAUSE_MS, async () => {
      await call('GetProduct', guest.catalog.getProduct({ productId }));
    }),
    // Register may not be tried again by the mesh; Login may.
    whileGoing(500, async () => {
      const account = { email: `${randomUUID()}@shop.example`, password: 'correct horse' };
      await call('Register', guest.users.register({ ...account, fullName: 'A Customer' }));
      await call('Login', guest.users.login(account));
    }),
  ];
  try {
    await work();
  } finally {
    going = false;
    await Promise.all(loops);
  }
  return { answered, failed, orders, byRest };
}
