import { withdrawTime } from '../domain/shipment.ts';
import type { ShippingApp } from './ports.ts';

const AT_ONCE = 20;

/** Tells the carrier what was cancelled. What fails is due again later; its failure is thrown at the end. */
export async function withdrawDue({ store, carrier, now }: ShippingApp): Promise<void> {
  const at = now();
  const due = await store.claimWithdrawals(at, withdrawTime(at), AT_ONCE);
  const ended = await Promise.allSettled(
    due.map(async (shipment) => {
      await carrier.withdraw(shipment.shipmentId);
      await store.confirmWithdrawal(shipment);
    }),
  );
  const failed = ended.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
}
