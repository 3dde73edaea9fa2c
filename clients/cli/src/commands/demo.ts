import { randomBytes } from 'node:crypto';
import type { Weft } from '@weft/client';
import { type Order, SagaStyle } from '@weft/gen/es/weft/orders/v1/orders_pb';
import type { Payment } from '@weft/gen/es/weft/payments/v1/payments_pb';
import type { Shipment } from '@weft/gen/es/weft/shipping/v1/shipping_pb';
import type { Saga, SagaStep } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { StepState } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { inventName } from '../demo/gifts.ts';
import { findProducts, pickProducts } from '../demo/shelf.ts';
import { paymentStatusName, shipmentStatusName } from '../replay/read-evidence.ts';
import { formatMoney } from '../shop/money.ts';
import { openShop, orderAt } from '../system/customer.ts';
import { followOrder, isEndState, type OrderChange, statusName } from '../system/follow.ts';
import { type Patience, persist } from '../system/patience.ts';
import type { Session } from '../system/session.ts';
import { enumNames } from '../terminal/enum-names.ts';
import { print, toJson } from '../terminal/output.ts';
import { bold, coloured, dim } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { type CommandContext, type CommonOptions, runCommand, signInAsAdmin } from './command.ts';

export interface DemoOptions extends CommonOptions {
  readonly payment: string;
  /** Postal code of where the order is sent; absent when it is picked up. */
  readonly deliverTo?: string;
  /** Who takes the order to its end; absent leaves it to the system. */
  readonly style?: keyof typeof STYLES;
}

const LINES = 3;
const STYLES = {
  orchestrated: SagaStyle.ORCHESTRATED,
  choreographed: SagaStyle.CHOREOGRAPHED,
} as const;

export async function demo(options: DemoOptions): Promise<void> {
  const say = async (text: string) => {
    if (!options.json) await print(text);
  };
  await runCommand(options, async (context) => {
    const { clients, patience } = context;
    const shop = await openShop(context.gateway);
    const admin = context.admin && (await signInAsAdmin(context));
    const { products, filled } = await findProducts(clients, admin, patience);
    if (filled) await say(dim('The shop was empty: put some gifts on its shelves.\n'));

    const { fullName, email } = await newCustomer(shop, patience);
    await say(`${bold('Customer')}  ${fullName} <${email}>, registered and signed in`);

    const lines = pickProducts(products, LINES, Math.random).map(({ productId }) => ({
      productId,
      quantity: BigInt(1 + Math.floor(Math.random() * 3)),
    }));
    const request = {
      idempotencyKey: randomBytes(12).toString('hex'),
      customerId: '',
      lines,
      paymentMethodToken: options.payment,
      ...(options.deliverTo !== undefined && { deliveryAddress: addressOf(fullName, options.deliverTo) }),
      sagaStyle: options.style ? STYLES[options.style] : SagaStyle.UNSPECIFIED,
    };
    const asked = performance.now();
    const placed = await persist(patience, () => shop.orders.placeOrder(request));
    const answered = Math.round(performance.now() - asked);
    const orderId = placed.order?.orderId ?? '';
    await say(`${bold('Order')}     ${orderId}, accepted in ${answered} ms, paid with ${options.payment}\n`);

    const changes: OrderChange[] = [];
    for await (const change of followOrder(orderAt(shop, orderId), { ...patience, untilEndState: true })) {
      await say(changeLine(change, changes.at(-1)));
      changes.push(change);
    }
    const { order } = await persist(patience, () => shop.orders.getOrder({ orderId }));
    // None was asked for where the stock ran out, or the payment was refused first.
    const paid = persist(patience, () => shop.payments.getPayment({ paymentId: orderId }));
    const payment = (await unless('PAYMENT_NOT_FOUND', paid))?.payment;
    const sent = persist(patience, () => shop.shipping.getShipment({ shipmentId: orderId }));
    const shipment = (await unless('SHIPMENT_NOT_FOUND', sent))?.shipment;
    const saga = admin && (await readSaga(context, admin, orderId));
    if (options.json) await print(toJson(jsonOf(orderId, changes, order, payment, shipment, saga?.steps)));
    else await print(summary(order, payment, shipment, saga?.steps));
    return isEndState(statusName(order?.status ?? 0));
  });
}

async function newCustomer(shop: Weft, patience: Patience) {
  const fullName = inventName(Math.random);
  const email = `${fullName.toLowerCase().replace(' ', '.')}.${randomBytes(3).toString('hex')}@example.com`;
  const password = randomBytes(12).toString('base64url');
  await persist(patience, () => shop.users.register({ email, fullName, password }));
  await persist(patience, () => shop.session.signIn({ email, password }));
  return { fullName, email };
}

const addressOf = (recipient: string, postalCode: string) => ({
  recipient,
  street: '1 Loom Lane',
  city: 'Weaverham',
  postalCode,
  countryCode: 'GB',
});

/** Undefined when no coordinator leads the order. */
async function readSaga({ clients }: CommandContext, admin: Session, sagaId: string): Promise<Saga | undefined> {
  const read = admin.call((token) => clients.checkout.getSaga({ sagaId }, { token }));
  return (await unless('SAGA_NOT_FOUND', read))?.saga;
}

async function unless<T>(reason: string, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ((error as { reason?: string }).reason === reason) return undefined;
    throw error;
  }
}

function changeLine({ status, reason, time }: OrderChange, before: OrderChange | undefined): string {
  const clock = time?.toISOString().slice(11, 23) ?? '';
  const after = time && before?.time ? dim(`  ${time.getTime() - before.time.getTime()} ms later`) : '';
  return `  ${dim(clock)}  ${coloured(status)}${reason === '' ? '' : ` ${reason}`}${after}`;
}

const stepName = enumNames(StepState, 'STEP_STATE_');

function stepRows(steps: readonly SagaStep[]) {
  return steps.map(({ name, state, attempts, lastError }) => ({
    name,
    state: stepName(state),
    attempts,
    lastError,
  }));
}

function summary(
  order: Order | undefined,
  payment: Payment | undefined,
  shipment: Shipment | undefined,
  steps: readonly SagaStep[] | undefined,
): string {
  const currency = order?.total?.currencyCode;
  const money = (value: bigint | undefined) => formatMoney(value ?? 0n, currency);
  const lines = (order?.lines ?? []).map(({ quantity, title, unitPrice }) => {
    const price = unitPrice?.minorUnits ?? 0n;
    return [`${quantity} ×`, title, money(price), money(price * quantity)];
  });
  const parts = ['', table([...lines, ['', bold('Total'), '', bold(money(order?.total?.minorUnits))]], [0, 2, 3]), ''];
  if (payment) {
    const { captured, refunded, declineReason } = payment;
    const state = `${paymentStatusName(payment.status)}${declineReason === '' ? '' : ` ${declineReason}`}`;
    parts.push(
      `${bold('Payment')}   ${state}: ${money(captured?.minorUnits)} captured, ${money(refunded?.minorUnits)} refunded`,
    );
  } else parts.push(`${bold('Payment')}   none was asked for`);
  if (shipment) {
    const { status, rejectReason, trackingCode, deliveryAddress } = shipment;
    const how = deliveryAddress ? `to ${deliveryAddress.postalCode}, ${deliveryAddress.city}` : 'to be picked up';
    const why = rejectReason === '' ? `${how}, ${trackingCode}` : rejectReason;
    parts.push(`${bold('Shipment')}  ${shipmentStatusName(status)}: ${why}`);
  }
  if (steps) {
    const tried = stepRows(steps).filter(({ attempts }) => attempts > 0);
    const rows = tried.map(({ name, state, attempts, lastError }) => {
      return [name, state, attempts === 1 ? '1 attempt' : `${attempts} attempts`, lastError];
    });
    parts.push(`${bold('Saga')}`, table(rows));
  } else if (order?.sagaStyle === SagaStyle.CHOREOGRAPHED)
    parts.push(`${bold('Saga')}      choreographed: the services followed from each other's events`);
  else parts.push(`${bold('Saga')}      shown to administrators: set WEFT_ADMIN_EMAIL and WEFT_ADMIN_PASSWORD`);
  return parts.join('\n');
}

const styleName = (order: Order | undefined) =>
  Object.entries(STYLES).find(([, style]) => style === order?.sagaStyle)?.[0];

function jsonOf(
  orderId: string,
  changes: readonly OrderChange[],
  order: Order | undefined,
  payment: Payment | undefined,
  shipment: Shipment | undefined,
  steps: readonly SagaStep[] | undefined,
) {
  return {
    orderId,
    status: statusName(order?.status ?? 0),
    reason: order?.reason ?? '',
    style: styleName(order),
    changes,
    lines: order?.lines.map(({ productId, title, quantity, unitPrice }) => ({
      productId,
      title,
      quantity,
      price: unitPrice?.minorUnits,
    })),
    currency: order?.total?.currencyCode,
    total: order?.total?.minorUnits,
    payment: payment && {
      status: paymentStatusName(payment.status),
      declineReason: payment.declineReason,
      captured: payment.captured?.minorUnits,
      refunded: payment.refunded?.minorUnits,
    },
    shipment: shipment && {
      status: shipmentStatusName(shipment.status),
      rejectReason: shipment.rejectReason,
      trackingCode: shipment.trackingCode,
    },
    saga: steps && stepRows(steps),
  };
}
