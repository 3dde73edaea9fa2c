import { hash } from 'node:crypto';

/** The id of the saga that cancels a paid order, of which there is one however often it is asked for. A UUID, beside the order's in time. */
export function cancellationOf(orderId: string): string {
  const digits = hash('sha256', `cancel ${orderId}`);
  // Source: RFC 9562, 5.8, version 8.
  return `${orderId.slice(0, 13)}-8${digits.slice(0, 3)}-a${digits.slice(3, 6)}-${digits.slice(6, 18)}`;
}
