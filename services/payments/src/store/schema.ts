import type { PaymentStatus } from '../domain/payment.ts';

export interface PaymentsSchema {
  payment: {
    payment_id: string;
    status: PaymentStatus;
    order_id: string | null;
    customer_id: string | null;
    currency_code: string | null;
    amount: bigint | null;
    token_hash: string | null;
    decline_reason: string | null;
    provider_reference: string | null;
    captured: bigint;
    refunded: bigint;
    refunding: bigint;
    authorize_attempts: number;
    capture_attempts: number;
    release_after: Date | null;
    version: bigint;
    created_at: Date;
    updated_at: Date;
  };
  refund: {
    payment_id: string;
    refund_id: string;
    amount: bigint;
    status: 'pending' | 'done';
    attempts: number;
    created_at: Date;
    updated_at: Date;
  };
}
