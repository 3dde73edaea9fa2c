import type { ShipmentStatus } from '../domain/shipment.ts';

export interface ShippingSchema {
  shipment: {
    shipment_id: string;
    status: ShipmentStatus;
    order_id: string | null;
    customer_id: string | null;
    stock_codes: string[];
    quantities: bigint[];
    delivered: boolean;
    reject_reason: string | null;
    tracking_code: string | null;
    collects_after_ms: number;
    dispatch_at: Date | null;
    cause: Readonly<Record<string, string>> | null;
    withdraw_at: Date | null;
    attempts: number;
    version: bigint;
    created_at: Date;
    updated_at: Date;
    dispatched_at: Date | null;
  };
  shipment_address: {
    shipment_id: string;
    customer_id: string;
    recipient: string;
    street: string;
    city: string;
    postal_code: string;
    country_code: string;
  };
  erased_customer: { customer_id: string };
}
