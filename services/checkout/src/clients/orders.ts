import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { OrdersServiceService } from '@weft/gen/grpc/weft/orders/v1/orders';
import type { ServiceRuntime } from '@weft/kit/module';
import type { Orders } from '../app/ports.ts';

export function ordersClient(client: ServiceRuntime<never, never>['client']): Orders {
  const orders = client('orders', OrdersServiceService, OrdersService);
  return {
    async deliveryAddress(orderId) {
      const { deliveryAddress } = await orders.getDeliveryAddress({ orderId });
      if (!deliveryAddress) throw new Error(`order ${orderId} was answered without an address`);
      const { recipient, street, city, postalCode, countryCode } = deliveryAddress;
      return { recipient, street, city, postalCode, countryCode };
    },
    async confirm(orderId) {
      await orders.confirmOrder({ orderId });
    },
    async reject(orderId, reason, paymentDeclined) {
      await orders.rejectOrder({ orderId, reason, paymentDeclined });
    },
    async confirmCancellation(orderId) {
      await orders.confirmCancellation({ orderId });
    },
    async settleReturn(orderId, returnId) {
      await orders.settleReturn({ orderId, returnId });
    },
  };
}
