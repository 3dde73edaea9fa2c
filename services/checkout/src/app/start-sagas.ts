import { requestCancellation as noteCancellation, type SagaKind, type SagaShape, startSaga } from '../domain/saga.ts';
import {
  byStockCode,
  type GiveBackInput,
  type PlaceOrderInput,
  storeGiveBack,
  storePlaceOrder,
} from '../sagas/inputs.ts';
import type { CheckoutTransaction } from './ports.ts';

export interface StartSagas {
  readonly shapes: Readonly<Record<SagaKind, SagaShape>>;
  readonly now: () => Date;
  readonly newId: () => string;
}

type Headers = Readonly<Record<string, string>>;

/** The saga of an order has the order's id. */
export function startPlacement(
  tx: CheckoutTransaction,
  { shapes, now }: StartSagas,
  orderId: string,
  order: PlaceOrderInput,
  headers: Headers,
): void {
  const input = storePlaceOrder({ ...order, lines: byStockCode(order.lines) });
  tx.insert(startSaga(shapes['place-order'], { sagaId: orderId, orderId, input, headers }, now()));
}

/** The saga of a return has the return's id. */
export function startReturn(
  tx: CheckoutTransaction,
  { shapes, now }: StartSagas,
  orderId: string,
  returnId: string,
  giveBack: GiveBackInput,
  headers: Headers,
): void {
  const input = storeGiveBack({ ...giveBack, lines: byStockCode(giveBack.lines) });
  tx.insert(startSaga(shapes['return-items'], { sagaId: returnId, orderId, input, headers }, now()));
}

/** Before the pivot the order's own saga turns back; after it, once that is completed, a saga of its own gives back. */
export async function requestCancellation(
  tx: CheckoutTransaction,
  { shapes, now, newId }: StartSagas,
  orderId: string,
  giveBack: GiveBackInput,
  headers: Headers,
): Promise<void> {
  const placement = await tx.saga(orderId);
  if (!placement) throw new Error(`order ${orderId} has no saga`);
  const input = storeGiveBack({ ...giveBack, lines: byStockCode(giveBack.lines) });
  if (placement.state === 'completed') {
    tx.insert(startSaga(shapes['cancel-order'], { sagaId: newId(), orderId, input, headers }, now()));
  } else if (placement.state !== 'compensated') {
    tx.save(placement, noteCancellation(placement, input, now()));
  }
}
