import { ShippingService } from '@weft/gen/es/weft/shipping/v1/shipping_pb';
import { ShippingServiceService } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import type { ServiceRuntime } from '@weft/kit/module';
import type { Shipping } from '../app/ports.ts';

export function shippingClient(client: ServiceRuntime<never, never>['client']): Shipping {
  const shipping = client('shipping', ShippingServiceService, ShippingService);
  return {
    async create({ shipmentId, orderId, customerId, lines, address }) {
      const copy = lines.map(({ stockCode, quantity }) => ({ stockCode, quantity }));
      const deliveryAddress = address && { ...address };
      await shipping.createShipment({ shipmentId, orderId, customerId, lines: copy, deliveryAddress });
    },
    async cancel(shipmentId) {
      await shipping.cancelShipment({ shipmentId });
    },
  };
}
