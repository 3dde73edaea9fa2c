import { dispatch, makeReady, type Shipment } from '../domain/shipment.ts';
import type { ShippingApp, ShippingTransaction } from './ports.ts';

const AT_ONCE = 100;

/** The order of a shipment is confirmed: it leaves now, or when the carrier collects it. */
export async function releaseShipment(
  tx: ShippingTransaction,
  shipmentId: string,
  now: Date,
  cause: Shipment['cause'],
): Promise<void> {
  const recent = tx.recent(shipmentId);
  const standing = recent?.status === 'accepted' ? recent : await tx.shipment(shipmentId);
  const shipment = standing && makeReady(standing, now, cause);
  if (!standing || !shipment || shipment === standing) return;
  tx.update(standing, shipment);
  if (shipment.status === 'dispatched') tx.publish(shipment);
}

/** What the carrier has collected by now has left. */
export async function dispatchDue({ store, now }: ShippingApp): Promise<void> {
  for (let found = AT_ONCE; found === AT_ONCE; ) {
    found = await store.transaction(async (tx) => {
      const at = now();
      const due = await tx.due(at, AT_ONCE);
      for (const standing of due) {
        const shipment = dispatch(standing, at);
        tx.update(standing, shipment);
        tx.publish(shipment);
      }
      return due.length;
    });
  }
}
