import {
  type Reservation as ReservationMessage,
  ReservationStatus,
  type Stock as StockMessage,
} from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { toTimestamp } from '@weft/kit/time';
import type { Reservation } from '../domain/reservation.ts';
import { available, type Stock } from '../domain/stock.ts';

const STATUS = {
  reserved: ReservationStatus.RESERVATION_STATUS_RESERVED,
  committed: ReservationStatus.RESERVATION_STATUS_COMMITTED,
  released: ReservationStatus.RESERVATION_STATUS_RELEASED,
} as const;

export function toStock(stock: Stock): StockMessage {
  const { stockCode, onHand, reserved, version, updatedAt } = stock;
  return { stockCode, onHand, reserved, available: available(stock), version, updateTime: toTimestamp(updatedAt) };
}

export function toReservation({
  reservationId,
  status,
  lines,
  version,
  createdAt,
  updatedAt,
}: Reservation): ReservationMessage {
  return {
    reservationId,
    status: STATUS[status],
    lines: lines.map(({ stockCode, quantity }) => ({ stockCode, quantity })),
    version,
    createTime: toTimestamp(createdAt),
    updateTime: toTimestamp(updatedAt),
  };
}
