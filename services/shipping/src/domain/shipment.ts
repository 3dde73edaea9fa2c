import { ShipmentCancelled, ShipmentDiffers, ShipmentDispatched, ShipmentRejected } from './failures.ts';

export type ShipmentStatus = 'pending' | 'accepted' | 'rejected' | 'dispatched' | 'cancelled';

/** Pieces of a stock code. */
export interface ShipmentLine {
  readonly stockCode: string;
  readonly quantity: bigint;
}

export interface Address {
  readonly recipient: string;
  readonly street: string;
  readonly city: string;
  readonly postalCode: string;
  readonly countryCode: string;
}

/** What is asked for: another CreateShipment of the same shipment must say the same. */
export interface Terms {
  readonly orderId: string;
  readonly customerId: string;
  readonly lines: readonly ShipmentLine[];
  /** Otherwise the customer picks it up. */
  readonly delivered: boolean;
  /** Undefined where it is picked up, and once it is erased. */
  readonly address: Address | undefined;
}

/** What the carrier said: its own name for the shipment and how long it takes to collect it, or why it refuses. */
export type Answer =
  | { readonly accepted: string; readonly collectsAfterMs: number }
  | { readonly refused: string }
  /** It did not answer: what it did is not known. */
  | 'unknown';

/** Invariants: it leaves only when it was accepted and its order is confirmed; version is the number of its events so far. */
export interface Shipment {
  readonly shipmentId: string;
  readonly status: ShipmentStatus;
  /** Undefined when it was cancelled before it was asked for. */
  readonly terms: Terms | undefined;
  readonly rejectReason: string | undefined;
  /** The carrier's name for it; undefined as long as no acceptance is known. */
  readonly trackingCode: string | undefined;
  /** Milliseconds from its order's confirmation until the carrier collects it. */
  readonly collectsAfterMs: number;
  /** When the carrier collects it; undefined while its order is not confirmed. */
  readonly dispatchAt: Date | undefined;
  /** Headers of what confirmed its order, for a shipment that leaves later than that; undefined otherwise. */
  readonly cause: Readonly<Record<string, string>> | undefined;
  /** Set while the carrier may hold a cancelled shipment: when to withdraw it there. */
  readonly withdrawAt: Date | undefined;
  /** How often the carrier was asked without an answer. */
  readonly attempts: number;
  readonly version: bigint;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly dispatchedAt: Date | undefined;
}

const MOVES: Readonly<Record<ShipmentStatus, readonly ShipmentStatus[]>> = {
  pending: ['accepted', 'rejected', 'cancelled'],
  accepted: ['dispatched', 'cancelled'],
  rejected: [],
  dispatched: [],
  cancelled: [],
};

/** Longer than any call to the carrier is in flight. */
const WITHDRAW_DELAY_MS = 60_000;

export const withdrawTime = (now: Date): Date => new Date(now.getTime() + WITHDRAW_DELAY_MS);

const UNTOUCHED = {
  rejectReason: undefined,
  trackingCode: undefined,
  collectsAfterMs: 0,
  dispatchAt: undefined,
  cause: undefined,
  withdrawAt: undefined,
  attempts: 0,
  version: 0n,
  dispatchedAt: undefined,
} as const;

export function newShipment(shipmentId: string, terms: Terms, now: Date): Shipment {
  return { ...UNTOUCHED, shipmentId, status: 'pending', terms, createdAt: now, updatedAt: now };
}

/** Stands for a shipment that was cancelled before it was asked for: it refuses the late CreateShipment. */
export function tombstone(shipmentId: string, now: Date): Shipment {
  const first = { withdrawAt: withdrawTime(now), version: 1n, createdAt: now, updatedAt: now };
  return { ...UNTOUCHED, ...first, shipmentId, status: 'cancelled', terms: undefined };
}

/** The shipment, when the carrier has it; throws why it has not, or that something else was asked for. */
export function assertStands(standing: Shipment, terms: Terms): Shipment {
  if (standing.status === 'cancelled') throw new ShipmentCancelled(standing.shipmentId);
  if (standing.terms && !sameTerms(standing.terms, terms)) throw new ShipmentDiffers(standing.shipmentId);
  if (standing.status === 'rejected')
    throw new ShipmentRejected(standing.shipmentId, standing.rejectReason ?? 'REJECTED');
  return standing;
}

/**
 * Notes what the carrier said. A shipment that has an outcome keeps it; one that was cancelled meanwhile is to be withdrawn.
 * The same object when it changes nothing.
 */
export function answered(shipment: Shipment, answer: Answer, now: Date): Shipment {
  if (shipment.status === 'cancelled') {
    if (answer === 'unknown') return { ...shipment, withdrawAt: withdrawTime(now) };
    return 'accepted' in answer ? { ...shipment, trackingCode: answer.accepted, withdrawAt: now } : shipment;
  }
  if (shipment.status !== 'pending') return shipment;
  if (answer === 'unknown') return { ...shipment, attempts: shipment.attempts + 1, updatedAt: now };
  if ('refused' in answer) return move(shipment, 'rejected', now, { rejectReason: answer.refused });
  const { accepted: trackingCode, collectsAfterMs } = answer;
  return move(shipment, 'accepted', now, { trackingCode, collectsAfterMs });
}

/** Its order is confirmed: it leaves at once, or when the carrier collects it. The same object when it never will. */
export function makeReady(shipment: Shipment, now: Date, cause: Shipment['cause'] = undefined): Shipment {
  if (shipment.status !== 'accepted' || shipment.dispatchAt) return shipment;
  const dispatchAt = new Date(now.getTime() + shipment.collectsAfterMs);
  return shipment.collectsAfterMs > 0 ? { ...shipment, dispatchAt, cause } : dispatch({ ...shipment, dispatchAt }, now);
}

/** The carrier has collected it; the same object when it is not due. */
export function dispatch(shipment: Shipment, now: Date): Shipment {
  if (shipment.status !== 'accepted' || !shipment.dispatchAt || shipment.dispatchAt > now) return shipment;
  return move(shipment, 'dispatched', now, { dispatchAt: undefined, dispatchedAt: now });
}

/** The same object when there is nothing to cancel: it was rejected, or is cancelled. */
export function cancel(shipment: Shipment, now: Date): Shipment {
  if (shipment.status === 'cancelled' || shipment.status === 'rejected') return shipment;
  if (shipment.status === 'dispatched') throw new ShipmentDispatched(shipment.shipmentId);
  const withdrawAt = shipment.status === 'accepted' ? now : withdrawTime(now);
  return move(shipment, 'cancelled', now, { dispatchAt: undefined, withdrawAt });
}

/** Nothing is under way: nobody will change it. */
export const hasEnded = ({ status }: Shipment): boolean => MOVES[status].length === 0;

function move(shipment: Shipment, status: ShipmentStatus, now: Date, changes: Partial<Shipment>): Shipment {
  if (!MOVES[shipment.status].includes(status))
    throw new Error(`a shipment does not go from ${shipment.status} to ${status}`);
  return { ...shipment, ...changes, status, version: shipment.version + 1n, updatedAt: now };
}

function sameTerms(standing: Terms, wanted: Terms): boolean {
  const quantities = new Map(wanted.lines.map((line) => [line.stockCode, line.quantity]));
  return (
    standing.orderId === wanted.orderId &&
    standing.customerId === wanted.customerId &&
    standing.delivered === wanted.delivered &&
    standing.lines.length === wanted.lines.length &&
    standing.lines.every((line) => quantities.get(line.stockCode) === line.quantity) &&
    // What is erased cannot be compared.
    (!standing.address || sameAddress(standing.address, wanted.address))
  );
}

function sameAddress(one: Address, other: Address | undefined): boolean {
  return (
    one.recipient === other?.recipient &&
    one.street === other.street &&
    one.city === other.city &&
    one.postalCode === other.postalCode &&
    one.countryCode === other.countryCode
  );
}
