import { ShipmentNotFound } from '../domain/failures.ts';
import type { Shipment } from '../domain/shipment.ts';
import type { ShippingStore } from './ports.ts';

export interface Viewer {
  readonly id: string;
  readonly roles: readonly string[];
}

/** A shipment, of any customer for staff and of their own for a customer: another's is not there for them. */
export async function getShipment(
  store: ShippingStore,
  shipmentId: string,
  viewer: Viewer | undefined,
): Promise<Shipment> {
  const shipment = await store.find(shipmentId);
  if (!shipment || !maySee(viewer, shipment)) throw new ShipmentNotFound(shipmentId);
  return shipment;
}

function maySee(viewer: Viewer | undefined, { terms }: Shipment): boolean {
  if (!viewer) return false;
  const staff = viewer.roles.includes('support') || viewer.roles.includes('admin');
  return staff || (terms !== undefined && terms.customerId === viewer.id);
}
