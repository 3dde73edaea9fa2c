import type { Inventory, Orders, Payments } from '../app/ports.ts';
import type { Saga, SagaKind } from '../domain/saga.ts';
import type { SagaDefinition, Step } from './definition.ts';
import { type GiveBackInput, type PlaceOrderInput, readGiveBack, readPlaceOrder } from './inputs.ts';

export interface SagaPorts {
  readonly inventory: Inventory;
  readonly payments: Payments;
  readonly orders: Orders;
}

// biome-ignore lint/suspicious/noExplicitAny: definitions of any input stand in one table
export type SagaDefinitions = Readonly<Record<SagaKind, SagaDefinition<any>>>;

export function sagaDefinitions({ inventory, payments, orders }: SagaPorts): SagaDefinitions {
  const restock: Step<GiveBackInput> = {
    name: 'restock',
    invoke: async ({ lines }, { sagaId }) => {
      if (lines.length > 0) await inventory.restock(`${sagaId}:restock`, sagaId, lines);
    },
  };
  const refund: Step<GiveBackInput> = {
    name: 'refund',
    invoke: async ({ refund: amount }, { orderId, sagaId }) => {
      if (amount.minorUnits > 0n) await payments.refund(orderId, sagaId, amount);
    },
  };
  return {
    'place-order': placeOrder({ inventory, payments, orders }),
    'cancel-order': {
      kind: 'cancel-order',
      read: readGiveBack,
      steps: [refund, restock, { name: 'confirm', invoke: (_, { orderId }) => orders.confirmCancellation(orderId) }],
    },
    'return-items': {
      kind: 'return-items',
      read: readGiveBack,
      steps: [
        restock,
        refund,
        { name: 'settle', invoke: (_, { orderId, sagaId }: Saga) => orders.settleReturn(orderId, sagaId) },
      ],
    },
  };
}

/** Reserve and authorise can be undone; the capture cannot, so it comes after them, and what comes after it only goes forward. */
function placeOrder({ inventory, payments, orders }: SagaPorts): SagaDefinition<PlaceOrderInput> {
  return {
    kind: 'place-order',
    read: readPlaceOrder,
    forget: (input) => ({ ...input, paymentMethodToken: '' }),
    pivot: 'capture',
    steps: [
      {
        name: 'reserve',
        invoke: ({ lines }, { orderId }) => inventory.reserve(orderId, lines),
        undo: (_, { orderId }) => inventory.release(orderId),
      },
      {
        name: 'authorize',
        invoke: ({ customerId, total, paymentMethodToken }, { orderId }) =>
          payments.authorize({ paymentId: orderId, orderId, customerId, amount: total, token: paymentMethodToken }),
        undo: (_, { orderId }) => payments.void(orderId),
      },
      { name: 'capture', invoke: (_, { orderId }) => payments.capture(orderId) },
      { name: 'commit', invoke: (_, { orderId }) => inventory.commit(orderId) },
      { name: 'confirm', invoke: (_, { orderId }) => orders.confirm(orderId) },
    ],
    whenUndone: { name: 'reject', invoke: (_, { orderId, reason }) => orders.reject(orderId, reason) },
  };
}
