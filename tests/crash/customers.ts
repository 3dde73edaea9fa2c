import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { RemoteError, status } from '@weft/kit/rpc';
import { persistently } from '../flows/persistently.ts';
import { addressIn, type openShop, SAGA_STYLE, STYLES } from '../flows/shop.ts';

type Shop = Awaited<ReturnType<typeof openShop>>;
type Customer = Awaited<ReturnType<Shop['customer']>>;

const TOKENS = [
  'tok_approved',
  'tok_approved',
  'tok_declined',
  'tok_approved',
  'tok_timeout_approved',
  'tok_approved',
  'tok_capture_timeout',
  'tok_timeout_declined',
];
const POSTAL_CODES = ['', undefined, 'SW1A 1AA', undefined, 'SIM-TIMEOUT-ACCEPTED', undefined, 'SIM-REFUSED'];
const AWAY: readonly number[] = [
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.UNKNOWN,
  status.INTERNAL,
  status.RESOURCE_EXHAUSTED,
];
const PATIENCE_MS = 300_000;
const CANCELLED_OF = 9;
const ACCOUNTS = 6;

const persist = <T>(ask: () => Promise<T>) => persistently(ask, AWAY, PATIENCE_MS);

async function must<T>(ask: () => Promise<T>): Promise<T> {
  const answer = await persist(ask);
  if (answer instanceof RemoteError) throw answer;
  return answer;
}

export interface Shopping {
  readonly shop: Shop;
  readonly products: readonly string[];
  readonly inFlight: number;
  /** Orders that may be open before more are placed. */
  readonly mostOpen: number;
  over(): boolean;
  accepted(orderId: string): void;
}

/** Places orders of every kind, and cancels some, until it is over. */
export async function shopOn({ shop, products, inFlight, mostOpen, over, accepted }: Shopping): Promise<void> {
  const customers: Customer[] = [];
  for (let count = 0; count < ACCOUNTS; count++) customers.push(await must(() => shop.customer()));
  let begun = 0;
  let open = 0;
  const counting = (async () => {
    while (!over()) {
      const query = "SELECT count(*)::int AS n FROM orders WHERE status IN ('placed', 'confirmed', 'cancelling')";
      const [row] = await shop.booted
        .database('orders')
        .query(query)
        .catch(() => []);
      open = (row?.n as number | undefined) ?? open;
      await delay(250);
    }
  })();
  const place = async () => {
    while (!over()) {
      if (open > mostOpen) {
        await delay(200);
        continue;
      }
      const index = begun++;
      const customer = customers[index % ACCOUNTS] as Customer;
      const request = {
        idempotencyKey: randomUUID(),
        customerId: '',
        lines: [0, 1, 2].map((line) => ({
          productId: products[(index * 7 + line * 11) % products.length] ?? '',
          quantity: BigInt(1 + ((index + line) % 3)),
        })),
        paymentMethodToken: TOKENS[index % TOKENS.length] ?? '',
        deliveryAddress: addressIn(POSTAL_CODES[index % POSTAL_CODES.length]),
        sagaStyle: SAGA_STYLE[STYLES[index % STYLES.length] ?? 'orchestrated'],
      };
      const { order } = await must(() => customer.orders.placeOrder(request));
      const orderId = order?.orderId ?? '';
      accepted(orderId);
      // It may have ended meanwhile, and then says so.
      if (index % CANCELLED_OF === 0) await persist(() => customer.orders.cancelOrder({ orderId }));
    }
  };
  await Promise.all([counting, ...Array.from({ length: inFlight }, place)]);
}
