import { takeSteps } from '@weft/kit/module';
import { outcomeOf } from '@weft/kit/rpc';
import { DeliveryAddressNotFound } from '../domain/failures.ts';
import { isShipmentKnown, nextStep, type PartFacts, type PartStep } from '../domain/part.ts';
import type { Shipment } from '../domain/shipment.ts';
import { cancelShipment } from './cancel-shipment.ts';
import { createShipment } from './create-shipment.ts';
import type { Orders, ShippingApp } from './ports.ts';

/** A choreographed order, with what is known of it. Its shipment has its id. */
export interface Part {
  readonly id: string;
  readonly facts: PartFacts;
  /** Failed tries so far. */
  readonly tries: number;
}

export interface PartApp extends ShippingApp {
  readonly orders: Orders;
  readonly note: (orderId: string, facts: PartFacts) => Promise<void>;
}

/** Tries to create a shipment, after which it is not tried any more. */
const MAX_TRIES = 10;

const NOT_NEEDED = ['placed'];

/** Does what a choreographed order asks of shipping now. Gives which fact is not needed any more. */
export async function takePart(app: PartApp, { id, facts: known, tries }: Part): Promise<readonly string[]> {
  let facts = known;
  const shipment = await takeSteps<Shipment | undefined, PartStep>({
    service: 'shipping',
    see: () => app.store.find(id),
    next: (seen) => nextStep(facts, seen),
    take: (step) => STEPS[step](app, id, facts),
    async giveUp(step, error) {
      const hopeless = error instanceof DeliveryAddressNotFound || tries + 1 >= MAX_TRIES;
      if (step !== 'create' || !hopeless) return false;
      const gaveUp = { reason: outcomeOf(error).reason };
      await app.note(id, { gaveUp });
      facts = { ...facts, gaveUp };
      return true;
    },
  });
  return isShipmentKnown(facts, shipment) ? NOT_NEEDED : [];
}

const STEPS: Readonly<Record<PartStep, (app: PartApp, id: string, facts: PartFacts) => Promise<unknown>>> = {
  async create(app, id, { placed }) {
    if (!placed) throw new Error(`order ${id} has not been placed`);
    const { customerId, delivered } = placed;
    const lines = placed.lines.map(({ stockCode, quantity }) => ({ stockCode, quantity: BigInt(quantity) }));
    const address = delivered ? await app.orders.deliveryAddress(id) : undefined;
    await createShipment(app, id, { orderId: id, customerId, lines, delivered, address });
  },
  cancel: (app, id, { gaveUp }) => cancelShipment(app, id, gaveUp?.reason),
};
