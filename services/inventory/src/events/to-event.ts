import * as schema from '@weft/gen/es/weft/inventory/v1/events_pb';
import {
  StockCommitted,
  StockReleased,
  StockReserved,
  StockRestocked,
  StockSet,
} from '@weft/gen/grpc/weft/inventory/v1/events';
import { defineEvent, eventsOf } from '@weft/kit/events';
import type { OutgoingEvent } from '@weft/kit/store';
import { toTimestamp } from '@weft/kit/time';
import type { InventoryEvent } from '../app/ports.ts';
import type { StockLine } from '../domain/reservation.ts';

export const published = eventsOf(schema.file_weft_inventory_v1_events);

const stockSet = defineEvent(StockSet, schema.StockSetSchema);
const stockRestocked = defineEvent(StockRestocked, schema.StockRestockedSchema);
const byStatus = {
  reserved: defineEvent(StockReserved, schema.StockReservedSchema),
  committed: defineEvent(StockCommitted, schema.StockCommittedSchema),
  released: defineEvent(StockReleased, schema.StockReleasedSchema),
};

/** The contract's event for what happened. */
export function toEvent(event: InventoryEvent): OutgoingEvent {
  switch (event.type) {
    case 'stock-set': {
      const { stockCode, version, updatedAt, onHand } = event.stock;
      return stockSet.create({ stockCode, version, occurTime: toTimestamp(updatedAt), onHand });
    }
    case 'reservation-changed': {
      const { reservationId, status, version, updatedAt, lines } = event.reservation;
      return byStatus[status].create({ reservationId, version, occurTime: toTimestamp(updatedAt), lines: copy(lines) });
    }
    case 'stock-restocked': {
      const { restockId, lines, at } = event;
      return stockRestocked.create({ restockId, version: 1n, occurTime: toTimestamp(at), lines: copy(lines) });
    }
  }
}

const copy = (lines: readonly StockLine[]) => lines.map(({ stockCode, quantity }) => ({ stockCode, quantity }));
