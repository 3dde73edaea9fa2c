import { createConnectTransport } from '@connectrpc/connect-node';
import { createWeft, type Weft } from '@weft/client';
import { CommandFailure } from '../shop/failure.ts';
import type { OrderSource } from './follow.ts';
import { passes } from './patience.ts';

/** A customer who comes in by the gateway, as a browser would. Throws CommandFailure when nobody answers there. */
export async function openShop(gateway: string): Promise<Weft> {
  const shop = createWeft({ transport: createConnectTransport({ baseUrl: gateway, httpVersion: '1.1' }) });
  await shop.catalog.listProducts({ pageSize: 1 }).catch((error: unknown) => {
    if (!passes(error)) throw error;
    throw new CommandFailure(`no gateway answers at ${gateway}: WEFT_GATEWAY_URL names one`);
  });
  return shop;
}

/** One of the customer's orders. */
export function orderAt({ orders }: Weft, orderId: string): OrderSource {
  return {
    async *watch(resumeToken, signal) {
      try {
        yield* orders.watchOrder({ orderId, resumeToken }, { signal });
      } catch (error) {
        // Whoever ended it knows.
        if (!signal.aborted) throw error;
      }
    },
    read: async () => (await orders.getOrder({ orderId })).order,
  };
}
