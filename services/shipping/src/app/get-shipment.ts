import { maySee, type User } from '@weft/kit/rpc';
import { ShipmentNotFound } from '../domain/failures.ts';
import type { Shipment } from '../domain/shipment.ts';
import type { ShippingStore } from './ports.ts';

/** A shipment, of any customer for staff and of their own for a customer: another's is not there for them. */
export async function getShipment(
  store: ShippingStore,
  shipmentId: string,
  viewer: User | undefined,
): Promise<Shipment> {
  const shipment = await store.find(shipmentId);
  if (!shipment || !maySee(viewer, shipment.terms?.customerId)) throw new ShipmentNotFound(shipmentId);
  return shipment;
}
