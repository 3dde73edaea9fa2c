import { setTimeout } from 'node:timers/promises';
import { clientsAt, orderOf } from '../../flows/shop.ts';

// A customer of the benchmark: places orders of three lines, as fast as they are accepted or at an even pace.

const IN_FLIGHT = 32;
const LINES = 3;

export interface Orders {
  readonly token: string;
  readonly orders: number;
  /** Absent: as fast as they are accepted. */
  readonly perSecond?: number | undefined;
}

export interface Accepted {
  readonly seconds: number;
}

const [target = '', ...products] = process.argv.slice(2);

async function place({ token, orders, perSecond }: Orders): Promise<Accepted> {
  const { orders: service } = await clientsAt(() => target, token);
  let next = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (next < orders) {
        const first = next++;
        const early = perSecond ? start + (first * 1000) / perSecond - performance.now() : 0;
        if (early > 0) await setTimeout(early);
        const lines = Array.from({ length: LINES }, (_, line) => ({
          productId: products[(first * 7 + line * 11) % products.length] ?? '',
          quantity: 1n,
        }));
        await service.placeOrder({ ...orderOf(''), lines });
      }
    }),
  );
  return { seconds: (performance.now() - start) / 1000 };
}

process.on('message', async (orders: Orders) => process.send?.(await place(orders)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
