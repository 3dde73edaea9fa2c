import {
  type PartFacts as InventoryFacts,
  nextStep as nextOfInventory,
} from '../../services/inventory/src/domain/part.ts';
import { follow, type OrderFacts } from '../../services/orders/src/domain/choreography.ts';
import { complete, place, requestCancellation } from '../../services/orders/src/domain/decisions.ts';
import type { Order } from '../../services/orders/src/domain/order.ts';
import { nextStep as nextOfPayments, type PartFacts as PaymentFacts } from '../../services/payments/src/domain/part.ts';
import * as payments from '../../services/payments/src/domain/payment.ts';
import { beginRefund, completeRefund } from '../../services/payments/src/domain/refund.ts';
import {
  nextStep as nextOfShipping,
  type PartFacts as ShippingFacts,
} from '../../services/shipping/src/domain/part.ts';
import * as shipments from '../../services/shipping/src/domain/shipment.ts';

/** What stands around a choreographed order. */
export interface Surroundings {
  readonly inStock: boolean;
  readonly card: 'approved' | 'declined';
  readonly carrier: 'accepts' | 'refuses';
  /** The carrier collects it as soon as the order is confirmed. */
  readonly collected: boolean;
}

const NOW = new Date(0);
const TOTAL = 500n;
const LINES = [{ stockCode: 's', quantity: '2' }];

type Deliver = () => void;

/** The domains of four services, one order, and the events between them: who gives them when is up to the test. */
export class SimulatedShop {
  /** Every event that anybody is to be given, once each time it is taken from here. */
  readonly undelivered: Deliver[] = [];
  order: Order;
  payment: payments.Payment | undefined;
  shipment: shipments.Shipment | undefined;
  onHand = 10n;
  reserved = 0n;
  readonly #around: Surroundings;
  #ofInventory: InventoryFacts = {};
  #ofPayments: PaymentFacts = {};
  #ofShipping: ShippingFacts = {};
  #ofOrders: OrderFacts = {};

  constructor(around: Surroundings) {
    this.#around = around;
    const line = { productId: 'p', stockCode: 's', title: '', quantity: 2n, unitPrice: 250n, currency: 'GBP' };
    const how = { deliveryMethod: 'pick-up', sagaStyle: 'choreographed' } as const;
    this.order = place({ orderId: 'o', customerId: 'c', lines: [line], ...how }, NOW).order;
    const placed = { customerId: 'c', currencyCode: 'GBP', minorUnits: String(TOTAL), token: 't' };
    this.#publish(
      () => this.#inventory({ placed: true }),
      () => this.#learnPayments({ placed }),
      () => this.#learnShipping({ placed: { customerId: 'c', lines: LINES, delivered: false } }),
    );
  }

  /** The customer asks for it; refused once the order has ended. */
  cancel(): void {
    try {
      const { order, event } = requestCancellation(this.order, NOW);
      this.order = order;
      if (event)
        this.#publish(
          () => this.#learnPayments({ cancelled: true }),
          () => this.#learnShipping({ cancelled: true }),
        );
    } catch {
      // Nothing is to be undone, or it has left.
    }
  }

  #publish(...deliveries: readonly Deliver[]): void {
    this.undelivered.push(...deliveries);
  }

  #inventory(fact: InventoryFacts): void {
    this.#ofInventory = { ...fact, ...this.#ofInventory };
    for (let step = nextOfInventory(this.#ofInventory); step; step = nextOfInventory(this.#ofInventory)) {
      this.#ofInventory = { ...this.#ofInventory, ...this.#stock(step) };
    }
  }

  #stock(step: NonNullable<ReturnType<typeof nextOfInventory>>): InventoryFacts {
    switch (step) {
      case 'reserve':
        if (!this.#around.inStock) {
          this.#publish(
            () => this.#orders({ reservationRejected: { reason: 'OUT_OF_STOCK' } }),
            () => this.#learnPayments({ notReserved: true }),
            () => this.#learnShipping({ unpaid: true }),
          );
          return { rejected: true };
        }
        this.reserved += 2n;
        this.#publish(() => this.#learnPayments({ reserved: true }));
        return { reserved: true };
      case 'release':
        if (this.#ofInventory.reserved) this.reserved -= 2n;
        this.#publish(() => this.#orders({ stockReleased: true }));
        return { released: true };
      case 'commit':
        this.reserved -= 2n;
        this.onHand -= 2n;
        this.#publish(() => this.#orders({ stockCommitted: true }));
        return { committed: true };
      case 'restock':
        this.onHand += 2n;
        this.#publish(() => this.#orders({ stockRestocked: true }));
        return { restocked: true };
    }
  }

  #learnPayments(fact: PaymentFacts): void {
    this.#ofPayments = { ...fact, ...this.#ofPayments };
    // A worker acts on it when it comes to that.
    this.#publish(() => this.#actOfPayments());
  }

  #actOfPayments(): void {
    const step = nextOfPayments(this.#ofPayments, this.payment);
    const standing = this.payment;
    if (step === 'authorize') {
      const terms = {
        orderId: 'o',
        customerId: 'c',
        amount: { currencyCode: 'GBP', minorUnits: TOTAL },
        tokenHash: '',
      };
      const asked = payments.newPayment('o', terms, NOW);
      const approved = this.#around.card === 'approved';
      this.payment = approved ? payments.approve(asked, 'r', NOW) : payments.decline(asked, 'CARD_DECLINED', NOW);
      if (approved) this.#publish(() => this.#learnShipping({ authorized: true }));
      else
        this.#publish(
          () => this.#inventory({ unpaid: true }),
          () => this.#orders({ paymentDeclined: { reason: 'CARD_DECLINED' } }),
          () => this.#learnShipping({ unpaid: true }),
        );
    } else if (step === 'void') {
      this.payment = standing ? payments.voidPayment(standing, NOW) : payments.tombstone('o', NOW);
      this.#publish(
        () => this.#inventory({ unpaid: true }),
        () => this.#orders({ paymentVoided: { reason: '' } }),
        () => this.#learnShipping({ unpaid: true }),
      );
    } else if (step === 'capture' && standing) {
      // Between the two others may be given what they are to be given.
      if (standing.captureAttempts === 0) this.payment = payments.beginCapture(standing);
      else {
        this.payment = payments.capture(standing, NOW);
        this.#publish(() => this.#inventory({ captured: true }));
      }
    } else if (step === 'refund' && standing) {
      const amount = { currencyCode: 'GBP', minorUnits: TOTAL };
      const begun = beginRefund(standing, undefined, { refundId: 'o', amount }, NOW);
      this.payment = completeRefund(begun, NOW).payment;
      this.#publish(
        () => this.#inventory({ refunded: true }),
        () => this.#orders({ paymentRefunded: true }),
      );
    }
    if (step) this.#publish(() => this.#actOfPayments());
  }

  #learnShipping(fact: ShippingFacts): void {
    this.#ofShipping = { ...fact, ...this.#ofShipping };
    this.#publish(() => this.#actOfShipping());
  }

  #actOfShipping(): void {
    const step = nextOfShipping(this.#ofShipping, this.shipment);
    if (step === 'create') {
      const terms = { orderId: 'o', customerId: 'c', lines: [], delivered: false, address: undefined };
      const refuses = this.#around.carrier === 'refuses';
      const answer = refuses ? { refused: 'ADDRESS_NOT_SERVED' } : { accepted: 'x', collectsAfterMs: 0 };
      this.shipment = shipments.answered(shipments.newShipment('o', terms, NOW), answer, NOW);
      this.#publish(() => this.#learnPayments(refuses ? { notShipped: true } : { shipped: true }));
      if (refuses) this.#publish(() => this.#orders({ shipmentRejected: { reason: 'ADDRESS_NOT_SERVED' } }));
    } else if (step === 'cancel') {
      this.shipment = this.shipment ? shipments.cancel(this.shipment, NOW) : shipments.tombstone('o', NOW);
      this.#publish(
        () => this.#learnPayments({ notShipped: true }),
        () => this.#orders({ shipmentCancelled: { reason: '' } }),
      );
    }
  }

  #orders(fact: OrderFacts): void {
    this.#ofOrders = { ...fact, ...this.#ofOrders };
    const { order, event } = follow(this.#ofOrders, this.order, NOW);
    this.order = order;
    if (event?.type === 'confirmed') this.#publish(() => this.#release());
  }

  #release(): void {
    if (!this.#around.collected || !this.shipment) return;
    const before = this.shipment.status;
    this.shipment = shipments.makeReady(this.shipment, NOW);
    if (before !== 'dispatched' && this.shipment.status === 'dispatched')
      this.#publish(() => {
        this.order = complete(this.order, NOW).order;
      });
  }
}
