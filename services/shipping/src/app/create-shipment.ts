import { type Answer, answered, assertStands, newShipment, type Shipment, type Terms } from '../domain/shipment.ts';
import { type Carrier, CarrierTimeout, ShipmentMoved, type ShippingApp, type ShippingTransaction } from './ports.ts';

const ROUNDS = 6;

/**
 * Has the carrier accept a shipment, once for its id. Mostly it is new: the carrier is asked first, and what stands is looked
 * into when the answer cannot be saved. One that was cancelled meanwhile is left to be withdrawn.
 */
export async function createShipment(app: ShippingApp, shipmentId: string, terms: Terms): Promise<Shipment> {
  const { store, carrier, now } = app;
  let standing: Shipment | undefined;
  for (let round = 1; ; round++) {
    if (standing && standing.status !== 'pending') return assertStands(standing, terms);
    if (standing) assertStands(standing, terms);
    const answer = await ask(carrier, shipmentId, terms, standing);
    try {
      const shipment = await store.transaction((tx) => record(tx, shipmentId, terms, standing, answer, now()));
      if (answer === 'unknown') throw new CarrierTimeout();
      if (!standing) return assertStands(shipment, terms);
    } catch (error) {
      if (!(error instanceof ShipmentMoved) || round === ROUNDS) throw error;
    }
    standing = await store.find(shipmentId);
    if (standing?.status === 'cancelled') await store.transaction((tx) => change(tx, shipmentId, answer, now()));
  }
}

async function ask(carrier: Carrier, key: string, { address }: Terms, standing: Shipment | undefined): Promise<Answer> {
  try {
    return await carrier.book({ key, address, attempt: (standing?.attempts ?? 0) + 1 });
  } catch (error) {
    if (error instanceof CarrierTimeout) return 'unknown';
    throw error;
  }
}

async function record(
  tx: ShippingTransaction,
  shipmentId: string,
  terms: Terms,
  standing: Shipment | undefined,
  answer: Answer,
  now: Date,
): Promise<Shipment> {
  if (standing) return (await change(tx, shipmentId, answer, now)) ?? standing;
  const shipment = answered(newShipment(shipmentId, terms, now), answer, now);
  tx.insert(shipment);
  if (answer !== 'unknown') tx.publish(shipment);
  return shipment;
}

async function change(
  tx: ShippingTransaction,
  shipmentId: string,
  answer: Answer,
  now: Date,
): Promise<Shipment | undefined> {
  const standing = await tx.shipment(shipmentId);
  const shipment = standing && answered(standing, answer, now);
  if (!standing || !shipment || shipment === standing) return standing;
  tx.update(standing, shipment);
  if (shipment.version !== standing.version) tx.publish(shipment);
  return shipment;
}
