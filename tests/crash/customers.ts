import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { RemoteError, status } from '@weft/kit/rpc';
import { persistently } from '../flows/persistently.ts';
import { addressIn, END_STATES, type openShop, SAGA_STYLE, STYLES } from '../flows/shop.ts';

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
/** Leaves some time after it is paid. */
const DELAYED = 'SIM-DELAYED';
const AWAY: readonly number[] = [
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.UNKNOWN,
  status.INTERNAL,
  status.RESOURCE_EXHAUSTED,
];
const PATIENCE_MS = 300_000;
/** Of nine orders one is cancelled at once, one when it is paid, and one is sent back. */
const HABITS = [
  'cancels',
  'keeps',
  'keeps',
  'cancels when paid',
  'keeps',
  'keeps',
  'returns',
  'keeps',
  'keeps',
] as const;
const ACCOUNTS = 6;
/** A new customer comes for another after so many orders. */
const ORDERS_A_CUSTOMER = 25;
/** Orders that customers have not done with; of more they lose sight. */
const MOST_FOLLOWED = 60;
const LOOK_MS = 500;

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

interface Followed {
  readonly customer: Customer;
  readonly orderId: string;
  readonly productId: string;
  readonly habit: (typeof HABITS)[number];
}

/** Places orders of every kind, cancels some and sends some back, until it is over. */
export async function shopOn({ shop, products, inFlight, mostOpen, over, accepted }: Shopping): Promise<void> {
  const customers: Customer[] = [];
  for (let count = 0; count < ACCOUNTS; count++) customers.push(await must(() => shop.customer()));
  const followed: Followed[] = [];
  let begun = 0;
  let open = 0;
  const counting = async () => {
    while (!over()) {
      const query = "SELECT count(*)::int AS n FROM orders WHERE status IN ('placed', 'confirmed', 'cancelling')";
      const [row] = await shop.booted
        .database('orders')
        .query(query)
        .catch(() => []);
      open = (row?.n as number | undefined) ?? open;
      await delay(250);
    }
  };
  const following = async () => {
    while (!over()) {
      const one = followed.shift();
      if (one && !(await changedMind(one))) followed.push(one);
      await delay(LOOK_MS / (1 + followed.length));
    }
  };
  const place = async () => {
    while (!over()) {
      if (open > mostOpen) {
        await delay(200);
        continue;
      }
      const index = begun++;
      const customer = customers[index % ACCOUNTS] as Customer;
      const habit = HABITS[index % HABITS.length] ?? 'keeps';
      const pays = habit === 'cancels when paid' || habit === 'returns';
      const lines = [0, 1, 2].map((line) => ({
        productId: products[(index * 7 + line * 11) % products.length] ?? '',
        quantity: BigInt(1 + ((index + line) % 3)),
      }));
      const postalCode = POSTAL_CODES[index % POSTAL_CODES.length];
      const request = {
        idempotencyKey: randomUUID(),
        customerId: '',
        lines,
        paymentMethodToken: pays ? 'tok_approved' : (TOKENS[index % TOKENS.length] ?? ''),
        deliveryAddress: addressIn(habit === 'cancels when paid' ? DELAYED : pays ? undefined : postalCode),
        sagaStyle: SAGA_STYLE[STYLES[index % STYLES.length] ?? 'orchestrated'],
      };
      const { order } = await must(() => customer.orders.placeOrder(request));
      const orderId = order?.orderId ?? '';
      accepted(orderId);
      // It may have ended meanwhile, and then says so.
      if (habit === 'cancels') await persist(() => customer.orders.cancelOrder({ orderId }));
      const productId = lines[0]?.productId ?? '';
      if (pays && followed.length < MOST_FOLLOWED) followed.push({ customer, orderId, productId, habit });
      if (index % ORDERS_A_CUSTOMER === 0) customers[index % ACCOUNTS] = await must(() => shop.customer());
    }
  };
  await Promise.all([counting(), following(), ...Array.from({ length: inFlight }, place)]);
}

/** False while it is too early; a return and a cancellation may be refused by what has happened meanwhile. */
async function changedMind({ customer: { orders }, orderId, productId, habit }: Followed): Promise<boolean> {
  const { order } = await must(() => orders.getOrder({ orderId }));
  const { ORDER_STATUS_CONFIRMED: CONFIRMED, ORDER_STATUS_COMPLETED: COMPLETED } = OrderStatus;
  if (habit === 'cancels when paid' && order?.status === CONFIRMED) {
    await persist(() => orders.cancelOrder({ orderId }));
    return true;
  }
  if (habit === 'returns' && order?.status === COMPLETED) {
    const request = { idempotencyKey: randomUUID(), orderId, lines: [{ productId, quantity: 1n }] };
    await persist(() => orders.returnItems(request));
    return true;
  }
  return order !== undefined && END_STATES.includes(order.status);
}
