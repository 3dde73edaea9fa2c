import type { Shipment } from './shipment.ts';

/** What shipping knows of a choreographed order: what others did, and what it decided itself. */
export interface PartFacts {
  /** Of the event that was first: trace and correlation id. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Gone once the carrier has answered, or never will be asked. */
  readonly placed?: {
    readonly customerId: string;
    readonly lines: readonly { readonly stockCode: string; readonly quantity: string }[];
    /** To an address, which orders knows; otherwise the customer picks it up. */
    readonly delivered: boolean;
  };
  readonly authorized?: true;
  /** It will never be paid. */
  readonly unpaid?: true;
  readonly cancelled?: true;
  /** The carrier did not answer in too many tries, or there is no address any more. */
  readonly gaveUp?: { readonly reason: string };
}

export type PartStep = 'create' | 'cancel';

/** Shipping's next step in a choreographed order. Facts come in any order: it is done when all that it follows from are there. */
export function nextStep(facts: PartFacts, shipment: Shipment | undefined): PartStep | undefined {
  const undone = facts.cancelled || facts.gaveUp;
  switch (shipment?.status) {
    case undefined:
    case 'pending':
      if (undone) return 'cancel';
      return facts.placed && facts.authorized && !facts.unpaid ? 'create' : undefined;
    case 'accepted':
      return undone ? 'cancel' : undefined;
    default:
      return undefined;
  }
}

/** Whether it has to be known any more what is to be sent. */
export const isShipmentKnown = (facts: PartFacts, shipment: Shipment | undefined): boolean =>
  shipment ? shipment.status !== 'pending' : facts.unpaid === true;
