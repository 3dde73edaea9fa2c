import * as schema from '@weft/gen/es/weft/shipping/v1/events_pb';
import {
  ShipmentCancelled,
  ShipmentCreated,
  ShipmentDispatched,
  ShipmentRejected,
  ShipmentStalled,
} from '@weft/gen/grpc/weft/shipping/v1/events';
import { defineEvent, type EventType, eventsOf, ofChoreographed } from '@weft/kit/events';
import type { Stalled } from '@weft/kit/module';
import type { OutgoingEvent } from '@weft/kit/store';
import { toTimestamp } from '@weft/kit/time';
import type { Shipment } from '../domain/shipment.ts';

export const published = eventsOf(schema.file_weft_shipping_v1_events);

const created = defineEvent(ShipmentCreated, schema.ShipmentCreatedSchema);
const rejected = defineEvent(ShipmentRejected, schema.ShipmentRejectedSchema);
const dispatched = defineEvent(ShipmentDispatched, schema.ShipmentDispatchedSchema);
const cancelled = defineEvent(ShipmentCancelled, schema.ShipmentCancelledSchema);
const stalled = defineEvent(ShipmentStalled, schema.ShipmentStalledSchema);

/**
 * The contract's event for what became of a shipment.
 * @param choreographed the services of its order act on it without being called
 * @param reason why it was given up, if it was
 */
export function toEvent(shipment: Shipment, choreographed: boolean, reason = ''): OutgoingEvent {
  const { shipmentId, version, updatedAt: now, terms } = shipment;
  const base = { shipmentId, version, occurTime: toTimestamp(now) };
  const whose = { ...base, orderId: terms?.orderId ?? '', customerId: terms?.customerId ?? '' };
  const styled = <T>(type: EventType<T>) => (choreographed ? ofChoreographed(type) : type);
  switch (shipment.status) {
    case 'accepted':
      return styled(created).create(whose, { now });
    case 'rejected':
      return styled(rejected).create({ ...whose, reason: shipment.rejectReason ?? '' }, { now });
    case 'dispatched':
      return dispatched.create(
        { ...whose, trackingCode: shipment.trackingCode ?? '' },
        { now, ...(shipment.cause && { headers: shipment.cause }) },
      );
    case 'cancelled':
      return styled(cancelled).create({ ...base, reason }, { now });
    case 'pending':
      throw new Error('nothing has happened to a pending shipment');
  }
}

/** The contract's alert: a step of a choreographed order fails again and again. */
export function stalledEvent({ id, step, reason: lastError, tries, at }: Stalled): OutgoingEvent {
  const version = BigInt(tries);
  return stalled.create(
    { shipmentId: id, orderId: id, version, occurTime: toTimestamp(at), step, lastError },
    { now: at },
  );
}
