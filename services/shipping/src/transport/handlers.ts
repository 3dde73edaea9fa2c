import { ShippingService } from '@weft/gen/es/weft/shipping/v1/shipping_pb';
import { ShippingServiceService } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { type ServiceBinding, serveService } from '@weft/kit/rpc';
import { resumeTokenOf, versionOf, type Wakeups, watchChanges } from '@weft/kit/watch';
import { cancelShipment } from '../app/cancel-shipment.ts';
import { createShipment } from '../app/create-shipment.ts';
import { getShipment } from '../app/get-shipment.ts';
import type { ShippingApp } from '../app/ports.ts';
import { hasEnded } from '../domain/shipment.ts';
import { fromAddress, toShipment } from './messages.ts';

export function shippingHandlers(app: ShippingApp, wakeups: Wakeups): ServiceBinding {
  return serveService(ShippingServiceService, ShippingService, {
    createShipment: async ({ shipmentId, orderId, customerId, lines, deliveryAddress }) => {
      const address = deliveryAddress && fromAddress(deliveryAddress);
      const whose = { orderId: id(orderId), customerId: id(customerId) };
      const terms = { ...whose, lines, delivered: address !== undefined, address };
      return { shipment: toShipment(await createShipment(app, id(shipmentId), terms)) };
    },
    cancelShipment: async ({ shipmentId }) => ({ shipment: toShipment(await cancelShipment(app, id(shipmentId))) }),
    getShipment: async ({ shipmentId }, { user }) => ({
      shipment: toShipment(await getShipment(app.store, id(shipmentId), user)),
    }),
    watchShipment: async function* ({ shipmentId, resumeToken }, { user, signal }) {
      const after = versionOf(resumeToken);
      const watched = id(shipmentId);
      const read = async (seen: bigint | undefined) => {
        const shipment = await getShipment(app.store, watched, user);
        const changed = seen === undefined || shipment.version > seen;
        return changed ? [{ version: shipment.version, settled: hasEnded(shipment), shipment }] : [];
      };
      for await (const { shipment, version } of watchChanges(read, wakeups, watched, after, signal))
        yield { shipment: toShipment(shipment), resumeToken: resumeTokenOf(version) };
    },
  });
}

// A UUID has two spellings; keys, events and comparisons see the one that the database gives back.
const id = (uuid: string) => uuid.toLowerCase();
