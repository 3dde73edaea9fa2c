import { OrdersService } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { OrdersServiceService } from '@weft/gen/grpc/weft/orders/v1/orders';
import type { ServiceRuntime } from '@weft/kit/module';
import { RemoteError, status } from '@weft/kit/rpc';
import type { Orders } from '../app/ports.ts';
import { DeliveryAddressNotFound } from '../domain/failures.ts';

export function ordersClient(client: ServiceRuntime<never, never>['client']): Orders {
  const orders = client('orders', OrdersServiceService, OrdersService);
  return {
    async deliveryAddress(orderId) {
      const { deliveryAddress } = await orders.getDeliveryAddress({ orderId }).catch((error: unknown) => {
        const notFound = error instanceof RemoteError && error.code === status.NOT_FOUND;
        throw notFound ? new DeliveryAddressNotFound(orderId) : error;
      });
      if (!deliveryAddress) throw new Error(`order ${orderId} was answered without an address`);
      const { recipient, street, city, postalCode, countryCode } = deliveryAddress;
      return { recipient, street, city, postalCode, countryCode };
    },
  };
}
