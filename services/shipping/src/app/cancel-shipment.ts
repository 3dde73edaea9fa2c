import { cancel, type Shipment, tombstone } from '../domain/shipment.ts';
import { ShipmentMoved, type ShippingApp } from './ports.ts';

const ROUNDS = 6;

/**
 * Keeps a shipment from leaving. One never seen is recorded as cancelled: a CreateShipment that comes late is refused. The
 * carrier is told afterwards: it collects only what has not been cancelled.
 * @param reason why it is given up, where nobody asked for that
 */
export async function cancelShipment({ store, now }: ShippingApp, shipmentId: string, reason = ''): Promise<Shipment> {
  for (let round = 1; ; round++) {
    try {
      await store.transaction(async (tx) => {
        const standing = await tx.shipment(shipmentId);
        const shipment = standing ? cancel(standing, now()) : tombstone(shipmentId, now());
        if (shipment === standing) return;
        if (standing) tx.update(standing, shipment);
        else tx.insert(shipment);
        tx.publish(shipment, reason);
      });
      return (await store.find(shipmentId)) as Shipment;
    } catch (error) {
      if (!(error instanceof ShipmentMoved) || round === ROUNDS) throw error;
    }
  }
}
