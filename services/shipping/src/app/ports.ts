import { DomainError } from '@weft/kit/failure';
import type { Address, Answer, Shipment } from '../domain/shipment.ts';

/** One transaction of shipping. */
export interface ShippingTransaction {
  /**
   * Saves a new shipment, with the commit and without a look: that fails with ShipmentMoved when one with its id stands. The
   * address of a customer whose account is erased is not kept.
   */
  insert(shipment: Shipment): void;
  /** The shipment as this process last saved it: it may have changed since, which only `update` notices. */
  recent(shipmentId: string): Shipment | undefined;
  /** Locked until the end of the transaction. Without its address. */
  shipment(shipmentId: string): Promise<Shipment | undefined>;
  /** Shipments whose dispatch is due, at most `limit`, locked; those that somebody else has in hand are left out. */
  due(now: Date, limit: number): Promise<Shipment[]>;
  /** Saves what a decision changed of a shipment, with the commit. When it is not as `before` any more, the work runs again. */
  update(before: Shipment, after: Shipment): void;
  /** Publishes what became of a shipment, with the reason for which it was given up, if it was. */
  publish(shipment: Shipment, reason?: string): void;
}

export interface ShippingStore {
  transaction<T>(work: (tx: ShippingTransaction) => Promise<T>): Promise<T>;
  find(shipmentId: string): Promise<Shipment | undefined>;
  /** Of those shipments, the ones that exist. */
  versions(shipmentIds: readonly string[]): Promise<ReadonlyMap<string, bigint>>;
  /** Cancelled shipments that the carrier is to be told of, at most `limit`, put off until `again` so that nobody else takes them. */
  claimWithdrawals(due: Date, again: Date, limit: number): Promise<Shipment[]>;
  /** Records that the carrier holds it no more, unless the withdrawal was put off meanwhile. */
  confirmWithdrawal(shipment: Shipment): Promise<void>;
}

/** Another call for the same shipment was faster: look at what it did. */
export class ShipmentMoved extends DomainError {
  constructor() {
    super('aborted', 'SHIPMENT_MOVED', 'the shipment changed meanwhile');
  }
}

/** The carrier did not answer in time. What it did is not known until it is asked again with the same key. */
export class CarrierTimeout extends DomainError {
  constructor() {
    super('unavailable', 'CARRIER_TIMEOUT', 'the carrier did not answer: ask again');
  }
}

export interface Booking {
  /** The same key gets the same answer and is collected once. */
  readonly key: string;
  /** Undefined: the customer picks it up. */
  readonly address: Address | undefined;
  /** How often this key was asked, from 1. */
  readonly attempt: number;
}

/** Who takes shipments to customers. Each throws CarrierTimeout. */
export interface Carrier {
  book(booking: Booking): Promise<Exclude<Answer, 'unknown'>>;
  /** Has it forget a booking, if there is one; any number of times. */
  withdraw(key: string): Promise<void>;
}

export interface Orders {
  /** Where an order is sent. Throws DeliveryAddressNotFound once it is erased. */
  deliveryAddress(orderId: string): Promise<Address>;
}

/** What the use cases work with. */
export interface ShippingApp {
  readonly store: ShippingStore;
  readonly carrier: Carrier;
  readonly now: () => Date;
}
