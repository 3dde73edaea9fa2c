import { type Address, type Order, type Pieces, type Priced, place } from '../domain/order.ts';
import type { Catalog, OrdersTransaction } from './ports.ts';

/** Prices lines from the catalogue: what the client believes a price to be has no part in it. */
export async function priceLines(catalog: Catalog, lines: readonly Pieces[]): Promise<Priced[]> {
  const products = await catalog.products(lines.map(({ productId }) => productId));
  return products.map((product, index) => ({ ...product, quantity: (lines[index] as Pieces).quantity }));
}

export interface PlaceOrder {
  readonly orderId: string;
  readonly customerId: string;
  readonly lines: readonly Priced[];
  readonly paymentMethodToken: string;
  /** Undefined: the customer picks it up. */
  readonly address: Address | undefined;
}

/** Stores the order and its event together. */
export function placeOrder(tx: OrdersTransaction, { address, ...command }: PlaceOrder, now: Date): Order {
  const { order, event } = place({ ...command, deliveryMethod: address ? 'address' : 'pick-up' }, now);
  if (event) tx.insert(order, event, address);
  return order;
}
