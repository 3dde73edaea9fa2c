import type { ReservationStatus } from '../domain/reservation.ts';

export interface InventorySchema {
  stock: { stock_code: string; on_hand: bigint; reserved: bigint; version: bigint; updated_at: Date };
  reservation: {
    reservation_id: string;
    status: ReservationStatus;
    stock_codes: string[];
    quantities: bigint[];
    version: bigint;
    created_at: Date;
    updated_at: Date;
  };
}
