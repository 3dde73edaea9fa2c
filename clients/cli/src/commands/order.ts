import {
  DeliveryMethod,
  type Order,
  PaymentStatus,
  type Return,
  ReturnStatus,
} from '@weft/gen/grpc/weft/orders/v1/orders';
import { fromTimestamp } from '@weft/kit/time';
import { formatMoney } from '../shop/money.ts';
import { statusName } from '../system/follow.ts';
import { readTimeline, type TimelineEntry } from '../system/timeline.ts';
import { enumNames } from '../terminal/enum-names.ts';
import { print, toJson } from '../terminal/output.ts';
import { bold, coloured, dim } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { type CommonOptions, runCommand, signInAsAdmin } from './command.ts';

export interface OrderOptions extends CommonOptions {
  readonly timeline?: boolean;
}

/** Shows an order; with its timeline also what every service did for it. */
export async function showOrder(orderId: string, options: OrderOptions): Promise<void> {
  await runCommand(options, async (context) => {
    const { clients } = context;
    const session = await signInAsAdmin(context);
    const { order } = await session.call((token) => clients.orders.getOrder({ orderId }, { token }));
    const timeline = options.timeline ? await readTimeline(clients, session, orderId) : undefined;
    if (options.json) await print(toJson({ ...jsonOf(order as Order), timeline }));
    else await print([summary(order as Order), ...(timeline ? [timelineTable(timeline)] : [])].join('\n\n'));
    return true;
  });
}

const paymentName = enumNames(PaymentStatus, 'PAYMENT_STATUS_');
const deliveryName = enumNames(DeliveryMethod, 'DELIVERY_METHOD_');
const returnName = enumNames(ReturnStatus, 'RETURN_STATUS_');

function summary(order: Order): string {
  const money = (value: bigint | undefined) => formatMoney(value ?? 0n, order.total?.currencyCode);
  const lines = order.lines.map(({ quantity, title, unitPrice, returnedQuantity }) => {
    const price = unitPrice?.minorUnits ?? 0n;
    const back = returnedQuantity > 0n ? dim(`${returnedQuantity} returned`) : '';
    return [`${quantity} ×`, title, money(price), money(price * quantity), back];
  });
  const why = order.reason === '' ? '' : ` ${order.reason}`;
  const refunded = order.refunded?.minorUnits ?? 0n;
  return [
    `${bold('Order')}     ${order.orderId}, ${coloured(statusName(order.status))}${why}, version ${order.version}`,
    `${bold('Customer')}  ${order.customerId}`,
    `${bold('Placed')}    ${iso(order.createTime)}, changed ${iso(order.updateTime)}`,
    `${bold('Payment')}   ${paymentName(order.paymentStatus)}${refunded > 0n ? `, ${money(refunded)} given back` : ''}`,
    `${bold('Delivery')}  ${deliveryName(order.deliveryMethod)}`,
    '',
    table([...lines, ['', bold('Total'), '', bold(money(order.total?.minorUnits)), '']], [0, 2, 3]),
  ].join('\n');
}

function jsonOf(order: Order) {
  return {
    orderId: order.orderId,
    customerId: order.customerId,
    status: statusName(order.status),
    reason: order.reason,
    payment: paymentName(order.paymentStatus),
    delivery: deliveryName(order.deliveryMethod),
    currency: order.total?.currencyCode,
    total: order.total?.minorUnits,
    refunded: order.refunded?.minorUnits,
    version: order.version,
    placed: iso(order.createTime),
    changed: iso(order.updateTime),
    lines: order.lines.map(({ productId, title, quantity, unitPrice, returnedQuantity: returned }) => {
      return { productId, title, quantity, price: unitPrice?.minorUnits, returned };
    }),
    returns: order.returns.map(({ returnId, status, refund }: Return) => {
      return { returnId, status: returnName(status), refund: refund?.minorUnits };
    }),
  };
}

function timelineTable(entries: readonly TimelineEntry[]): string {
  const requests = [...new Set(entries.map(({ correlationId }) => correlationId).filter((id) => id !== ''))];
  const began = entries[0]?.time?.getTime() ?? 0;
  const rows = entries.map(({ time, service, step, state, attempts, detail, correlationId }) => [
    dim(time?.toISOString().slice(11, 23) ?? ''),
    time ? `+${time.getTime() - began} ms` : '',
    service,
    step,
    coloured(state),
    attempts === undefined ? '' : attempts === 1 ? '1 attempt' : `${attempts} attempts`,
    detail,
    requests.length > 1 ? dim(`request ${requests.indexOf(correlationId) + 1}`) : '',
  ]);
  const named = requests.map((id, index) => (requests.length > 1 ? `  ${index + 1}  ${id}` : `  ${id}`));
  return [`${bold('Timeline')}  of ${iso(entries[0]?.time)}`, table(rows, [1]), '', bold('Correlation'), ...named].join(
    '\n',
  );
}

function iso(time: Parameters<typeof fromTimestamp>[0] | Date | undefined): string {
  if (time === undefined) return '';
  return (time instanceof Date ? time : fromTimestamp(time)).toISOString();
}
