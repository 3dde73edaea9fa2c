import { DomainError } from '@weft/kit/failure';

export class ShipmentNotFound extends DomainError {
  constructor(shipmentId: string) {
    super('not-found', 'SHIPMENT_NOT_FOUND', 'there is no such shipment', { shipment_id: shipmentId });
  }
}

export class ShipmentDiffers extends DomainError {
  constructor(shipmentId: string) {
    super('already-exists', 'SHIPMENT_EXISTS', 'the shipment was asked for with other content', {
      shipment_id: shipmentId,
    });
  }
}

/** The customer's account was erased, and the address with it. */
export class DeliveryAddressNotFound extends DomainError {
  constructor(orderId: string) {
    super('not-found', 'DELIVERY_ADDRESS_NOT_FOUND', 'the order is sent to no address', { order_id: orderId });
  }
}

/** The carrier refused: its reason is the failure's. */
export class ShipmentRejected extends DomainError {
  constructor(shipmentId: string, reason: string) {
    super('failed-precondition', reason, 'the carrier refused the shipment', { shipment_id: shipmentId });
  }
}

export class ShipmentCancelled extends DomainError {
  constructor(shipmentId: string) {
    super('failed-precondition', 'SHIPMENT_CANCELLED', 'the shipment was cancelled', { shipment_id: shipmentId });
  }
}

export class ShipmentDispatched extends DomainError {
  constructor(shipmentId: string) {
    super('failed-precondition', 'SHIPMENT_DISPATCHED', 'the shipment has left', { shipment_id: shipmentId });
  }
}
