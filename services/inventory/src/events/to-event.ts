import * as schema from '@weft/gen/es/weft/inventory/v1/events_pb';
import {
  ReservationRejected,
  StockCommitted,
  StockReleased,
  StockReserved,
  StockRestocked,
  StockSet,
} from '@weft/gen/grpc/weft/inventory/v1/events';
import { defineEvent, type EventType, eventsOf, ofChoreographed } from '@weft/kit/events';
import type { OutgoingEvent } from '@weft/kit/store';
import { toTimestamp } from '@weft/kit/time';
import type { InventoryEvent } from '../app/ports.ts';
import type { StockLine } from '../domain/reservation.ts';

export const published = eventsOf(schema.file_weft_inventory_v1_events);

const stockSet = defineEvent(StockSet, schema.StockSetSchema);
const reservationRejected = defineEvent(ReservationRejected, schema.ReservationRejectedSchema);
const stockRestocked = defineEvent(StockRestocked, schema.StockRestockedSchema);
const byStatus = {
  reserved: defineEvent(StockReserved, schema.StockReservedSchema),
  committed: defineEvent(StockCommitted, schema.StockCommittedSchema),
  released: defineEvent(StockReleased, schema.StockReleasedSchema),
};

/**
 * The contract's event for what happened.
 * @param choreographed the services of an order act on it without being called
 */
export function toEvent(event: InventoryEvent, choreographed: boolean): OutgoingEvent {
  const styled = <T>(type: EventType<T>) => (choreographed ? ofChoreographed(type) : type);
  switch (event.type) {
    case 'stock-set': {
      const { stockCode, version, updatedAt, onHand } = event.stock;
      return stockSet.create({ stockCode, version, occurTime: toTimestamp(updatedAt), onHand });
    }
    case 'reservation-changed': {
      const { reservationId, status, version, updatedAt, lines } = event.reservation;
      const occurTime = toTimestamp(updatedAt);
      return styled(byStatus[status]).create({ reservationId, version, occurTime, lines: copy(lines) });
    }
    case 'reservation-rejected': {
      const { reservationId, reason, at } = event;
      return reservationRejected.create({ reservationId, version: 1n, occurTime: toTimestamp(at), reason });
    }
    case 'stock-restocked': {
      const { restockId, lines, at } = event;
      const occurTime = toTimestamp(at);
      return styled(stockRestocked).create({ restockId, version: 1n, occurTime, lines: copy(lines) });
    }
  }
}

const copy = (lines: readonly StockLine[]) => lines.map(({ stockCode, quantity }) => ({ stockCode, quantity }));
