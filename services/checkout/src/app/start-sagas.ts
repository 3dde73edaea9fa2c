import {
  requestCancellation as noteCancellation,
  type Saga,
  type SagaKind,
  type SagaShape,
  startSaga,
} from '../domain/saga.ts';
import {
  byStockCode,
  type GiveBackInput,
  type PlaceOrderInput,
  storeGiveBack,
  storePlaceOrder,
} from '../sagas/inputs.ts';
import { cancellationOf } from './cancellation-id.ts';
import type { Adoption, CheckoutTransaction } from './ports.ts';

export interface StartSagas {
  readonly shapes: Readonly<Record<SagaKind, SagaShape>>;
  readonly adopt: (saga: Saga) => Adoption;
  /** Has due sagas looked for now. */
  readonly wake: () => void;
  readonly now: () => Date;
}

type Headers = Readonly<Record<string, string>>;

/** An event may come again under another id: a saga begins once. */
async function start(tx: CheckoutTransaction, { adopt }: StartSagas, started: Saga): Promise<void> {
  if (tx.attempt > 1 && (await tx.saga(started.sagaId))) return;
  const { saga, lease, run, giveUp } = adopt(started);
  tx.insert(saga, lease);
  tx.onCommit(run);
  tx.onAbort(giveUp);
}

/** The saga of an order has the order's id. */
export async function startPlacement(
  tx: CheckoutTransaction,
  sagas: StartSagas,
  orderId: string,
  order: PlaceOrderInput,
  headers: Headers,
): Promise<void> {
  const input = storePlaceOrder({ ...order, lines: byStockCode(order.lines) });
  const { shapes, now } = sagas;
  await start(tx, sagas, startSaga(shapes['place-order'], { sagaId: orderId, orderId, input, headers }, now()));
}

/** The saga of a return has the return's id. */
export async function startReturn(
  tx: CheckoutTransaction,
  sagas: StartSagas,
  orderId: string,
  returnId: string,
  giveBack: GiveBackInput,
  headers: Headers,
): Promise<void> {
  const input = storeGiveBack({ ...giveBack, lines: byStockCode(giveBack.lines) });
  const { shapes, now } = sagas;
  await start(tx, sagas, startSaga(shapes['return-items'], { sagaId: returnId, orderId, input, headers }, now()));
}

/** Before the pivot the order's own saga turns back; after it, once that is completed, a saga of its own gives back. */
export async function requestCancellation(
  tx: CheckoutTransaction,
  sagas: StartSagas,
  orderId: string,
  giveBack: GiveBackInput,
  headers: Headers,
): Promise<void> {
  const { shapes, now, wake } = sagas;
  const placement = await tx.saga(orderId);
  if (!placement) throw new Error(`order ${orderId} has no saga`);
  const input = storeGiveBack({ ...giveBack, lines: byStockCode(giveBack.lines) });
  if (placement.state === 'completed') {
    const sagaId = cancellationOf(orderId);
    await start(tx, sagas, startSaga(shapes['cancel-order'], { sagaId, orderId, input, headers }, now()));
  } else if (placement.state !== 'compensated') {
    tx.save(placement, noteCancellation(placement, input, now()));
    tx.onCommit(wake);
  }
}
