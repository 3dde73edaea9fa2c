import { type Priced, place } from '../domain/decisions.ts';
import type { Order, Pieces, SagaStyle } from '../domain/order.ts';
import type { Catalog, OrdersTransaction, PlacementSecrets } from './ports.ts';

/** Prices lines from the catalogue: what the client believes a price to be has no part in it. */
export async function priceLines(catalog: Catalog, lines: readonly Pieces[]): Promise<Priced[]> {
  const products = await catalog.products(lines.map(({ productId }) => productId));
  return products.map((product, index) => ({ ...product, quantity: (lines[index] as Pieces).quantity }));
}

export interface PlaceOrder extends PlacementSecrets {
  readonly orderId: string;
  readonly customerId: string;
  readonly lines: readonly Priced[];
  readonly sagaStyle: SagaStyle;
}

/** Stores the order and its event together. */
export function placeOrder(tx: OrdersTransaction, command: PlaceOrder, now: Date): Order {
  const { orderId, customerId, lines, sagaStyle, ...secrets } = command;
  const deliveryMethod = secrets.address ? 'address' : 'pick-up';
  const { order, event } = place({ orderId, customerId, lines, deliveryMethod, sagaStyle }, now);
  tx.insert(order, event, secrets);
  return order;
}
