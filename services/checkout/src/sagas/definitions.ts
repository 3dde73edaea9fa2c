import type { Inventory, Orders, Payments, Shipping } from '../app/ports.ts';
import type { Saga, SagaKind } from '../domain/saga.ts';
import type { SagaDefinition, Step } from './definition.ts';
import { type GiveBackInput, type PlaceOrderInput, readGiveBack, readPlaceOrder } from './inputs.ts';

export interface SagaPorts {
  readonly inventory: Inventory;
  readonly payments: Payments;
  readonly shipping: Shipping;
  readonly orders: Orders;
}

// biome-ignore lint/suspicious/noExplicitAny: definitions of any input stand in one table
export type SagaDefinitions = Readonly<Record<SagaKind, SagaDefinition<any>>>;

export function sagaDefinitions(ports: SagaPorts): SagaDefinitions {
  const { inventory, payments, shipping, orders } = ports;
  const restock: Step<GiveBackInput> = {
    name: 'restock',
    service: 'inventory',
    invoke: async ({ lines }, { sagaId }) => {
      await inventory.restock(`${sagaId}:restock`, sagaId, lines);
    },
  };
  const refund: Step<GiveBackInput> = {
    name: 'refund',
    service: 'payments',
    invoke: async ({ refund: amount }, { orderId, sagaId }) => {
      if (amount.minorUnits > 0n) await payments.refund(orderId, sagaId, amount);
    },
  };
  return {
    'place-order': placeOrder(ports),
    'cancel-order': {
      kind: 'cancel-order',
      read: readGiveBack,
      // Refused when the shipment has left: then there is nothing to undo, and orders hears of it from shipping.
      pivot: 'cancel-shipment',
      steps: [
        { name: 'cancel-shipment', service: 'shipping', invoke: (_, { orderId }) => shipping.cancel(orderId) },
        refund,
        restock,
        { name: 'confirm', service: 'orders', invoke: (_, { orderId }) => orders.confirmCancellation(orderId) },
      ],
    },
    'return-items': {
      kind: 'return-items',
      read: readGiveBack,
      steps: [
        restock,
        refund,
        {
          name: 'settle',
          service: 'orders',
          invoke: (_, { orderId, sagaId }: Saga) => orders.settleReturn(orderId, sagaId),
        },
      ],
    },
  };
}

/**
 * Reserve, authorise and ship can be undone, as nothing leaves before the order is confirmed; the capture cannot, so it comes
 * after them, and what comes after it only goes forward.
 */
function placeOrder({ inventory, payments, shipping, orders }: SagaPorts): SagaDefinition<PlaceOrderInput> {
  return {
    kind: 'place-order',
    read: readPlaceOrder,
    forget: (input) => ({ ...input, paymentMethodToken: '' }),
    pivot: 'capture',
    steps: [
      {
        name: 'reserve',
        service: 'inventory',
        invoke: ({ lines }, { orderId }) => inventory.reserve(orderId, lines),
        undo: (_, { orderId }) => inventory.release(orderId),
      },
      {
        name: 'authorize',
        service: 'payments',
        invoke: ({ customerId, total, paymentMethodToken }, { orderId }) =>
          payments.authorize({ paymentId: orderId, orderId, customerId, amount: total, token: paymentMethodToken }),
        undo: (_, { orderId }) => payments.void(orderId),
      },
      {
        name: 'ship',
        service: 'shipping',
        invoke: async ({ customerId, lines, delivered }, { orderId }) => {
          const address = delivered ? await orders.deliveryAddress(orderId) : undefined;
          await shipping.create({ shipmentId: orderId, orderId, customerId, lines, address });
        },
        undo: (_, { orderId }) => shipping.cancel(orderId),
      },
      { name: 'capture', service: 'payments', invoke: (_, { orderId }) => payments.capture(orderId) },
      { name: 'commit', service: 'inventory', invoke: (_, { orderId }) => inventory.commit(orderId) },
      { name: 'confirm', service: 'orders', invoke: (_, { orderId }) => orders.confirm(orderId) },
    ],
    whenUndone: {
      name: 'reject',
      service: 'orders',
      invoke: (_, { orderId, reason, steps }) => {
        const declined = steps.some(({ name, refused }) => name === 'authorize' && refused);
        return orders.reject(orderId, reason, declined);
      },
    },
  };
}
