import * as schema from '@weft/gen/es/weft/shipping/v1/events_pb';
import {
  ShipmentCancelled,
  ShipmentCreated,
  ShipmentDispatched,
  ShipmentRejected,
} from '@weft/gen/grpc/weft/shipping/v1/events';
import { defineEvent, eventsOf } from '@weft/kit/events';
import type { OutgoingEvent } from '@weft/kit/store';
import { toTimestamp } from '@weft/kit/time';
import type { Shipment } from '../domain/shipment.ts';

export const published = eventsOf(schema.file_weft_shipping_v1_events);

const created = defineEvent(ShipmentCreated, schema.ShipmentCreatedSchema);
const rejected = defineEvent(ShipmentRejected, schema.ShipmentRejectedSchema);
const dispatched = defineEvent(ShipmentDispatched, schema.ShipmentDispatchedSchema);
const cancelled = defineEvent(ShipmentCancelled, schema.ShipmentCancelledSchema);

/** The contract's event for what became of a shipment. */
export function toEvent(shipment: Shipment): OutgoingEvent {
  const { shipmentId, version, updatedAt: now, terms } = shipment;
  const base = { shipmentId, version, occurTime: toTimestamp(now) };
  const whose = { ...base, orderId: terms?.orderId ?? '', customerId: terms?.customerId ?? '' };
  switch (shipment.status) {
    case 'accepted':
      return created.create(whose, { now });
    case 'rejected':
      return rejected.create({ ...whose, reason: shipment.rejectReason ?? '' }, { now });
    case 'dispatched':
      return dispatched.create(
        { ...whose, trackingCode: shipment.trackingCode ?? '' },
        { now, ...(shipment.cause && { headers: shipment.cause }) },
      );
    case 'cancelled':
      return cancelled.create(base, { now });
    case 'pending':
      throw new Error('nothing has happened to a pending shipment');
  }
}
