import type { Selectable } from 'kysely';
import type { Address, Shipment, Terms } from '../domain/shipment.ts';
import type { ShippingSchema } from './schema.ts';

export type ShipmentRow = Selectable<ShippingSchema['shipment']>;
export type AddressRow = Selectable<ShippingSchema['shipment_address']>;

export function toShipment(row: ShipmentRow, address?: Address): Shipment {
  return {
    shipmentId: row.shipment_id,
    status: row.status,
    terms: toTerms(row, address),
    rejectReason: row.reject_reason ?? undefined,
    trackingCode: row.tracking_code ?? undefined,
    collectsAfterMs: row.collects_after_ms,
    dispatchAt: row.dispatch_at ?? undefined,
    cause: row.cause ?? undefined,
    withdrawAt: row.withdraw_at ?? undefined,
    attempts: row.attempts,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    dispatchedAt: row.dispatched_at ?? undefined,
  };
}

function toTerms(row: ShipmentRow, address: Address | undefined): Terms | undefined {
  const { order_id, customer_id, stock_codes, quantities, delivered } = row;
  if (order_id === null || customer_id === null) return undefined;
  return {
    orderId: order_id,
    customerId: customer_id,
    lines: stock_codes.map((stockCode, index) => ({ stockCode, quantity: quantities[index] ?? 0n })),
    delivered,
    address,
  };
}

export function toAddress(row: AddressRow): Address {
  const { recipient, street, city, postal_code, country_code } = row;
  return { recipient, street, city, postalCode: postal_code, countryCode: country_code };
}

/** The columns of a shipment that change. */
export function changedColumns(row: ShipmentRow) {
  return {
    status: row.status,
    reject_reason: row.reject_reason,
    tracking_code: row.tracking_code,
    collects_after_ms: row.collects_after_ms,
    dispatch_at: row.dispatch_at,
    cause: row.cause,
    withdraw_at: row.withdraw_at,
    attempts: row.attempts,
    version: row.version,
    updated_at: row.updated_at,
    dispatched_at: row.dispatched_at,
  };
}

export function shipmentRow(shipment: Shipment): ShipmentRow {
  const { terms } = shipment;
  return {
    shipment_id: shipment.shipmentId,
    status: shipment.status,
    order_id: terms?.orderId ?? null,
    customer_id: terms?.customerId ?? null,
    stock_codes: (terms?.lines ?? []).map(({ stockCode }) => stockCode),
    quantities: (terms?.lines ?? []).map(({ quantity }) => quantity),
    delivered: terms?.delivered ?? false,
    reject_reason: shipment.rejectReason ?? null,
    tracking_code: shipment.trackingCode ?? null,
    collects_after_ms: shipment.collectsAfterMs,
    dispatch_at: shipment.dispatchAt ?? null,
    cause: shipment.cause ?? null,
    withdraw_at: shipment.withdrawAt ?? null,
    attempts: shipment.attempts,
    version: shipment.version,
    created_at: shipment.createdAt,
    updated_at: shipment.updatedAt,
    dispatched_at: shipment.dispatchedAt ?? null,
  };
}

export function addressRow(shipmentId: string, customerId: string, address: Address): AddressRow {
  const { recipient, street, city, postalCode, countryCode } = address;
  return {
    shipment_id: shipmentId,
    customer_id: customerId,
    recipient,
    street,
    city,
    postal_code: postalCode,
    country_code: countryCode,
  };
}
