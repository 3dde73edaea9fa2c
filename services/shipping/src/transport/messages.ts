import type { PostalAddress } from '@weft/gen/grpc/weft/common/v1/postal_address';
import { type Shipment as ShipmentMessage, ShipmentStatus } from '@weft/gen/grpc/weft/shipping/v1/shipping';
import { toTimestamp } from '@weft/kit/time';
import type { Address, Shipment } from '../domain/shipment.ts';

const STATUS = {
  pending: ShipmentStatus.SHIPMENT_STATUS_PENDING,
  accepted: ShipmentStatus.SHIPMENT_STATUS_ACCEPTED,
  rejected: ShipmentStatus.SHIPMENT_STATUS_REJECTED,
  dispatched: ShipmentStatus.SHIPMENT_STATUS_DISPATCHED,
  cancelled: ShipmentStatus.SHIPMENT_STATUS_CANCELLED,
} as const satisfies Record<Shipment['status'], ShipmentStatus>;

export function toShipment(shipment: Shipment): ShipmentMessage {
  const { shipmentId, status, terms, rejectReason, trackingCode, version, createdAt, updatedAt, dispatchedAt } =
    shipment;
  return {
    shipmentId,
    orderId: terms?.orderId ?? '',
    customerId: terms?.customerId ?? '',
    status: STATUS[status],
    rejectReason: rejectReason ?? '',
    lines: (terms?.lines ?? []).map(({ stockCode, quantity }) => ({ stockCode, quantity })),
    trackingCode: trackingCode ?? '',
    deliveryAddress: terms?.address && { ...terms.address },
    version,
    createTime: toTimestamp(createdAt),
    updateTime: toTimestamp(updatedAt),
    dispatchTime: dispatchedAt && toTimestamp(dispatchedAt),
  };
}

export function fromAddress({ recipient, street, city, postalCode, countryCode }: PostalAddress): Address {
  return { recipient, street, city, postalCode, countryCode };
}
