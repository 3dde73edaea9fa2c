import { DomainError } from '@weft/kit/failure';

export class PaymentNotFound extends DomainError {
  constructor(paymentId: string) {
    super('not-found', 'PAYMENT_NOT_FOUND', 'there is no such payment', { payment_id: paymentId });
  }
}

export class PaymentDiffers extends DomainError {
  constructor(paymentId: string) {
    super('already-exists', 'PAYMENT_EXISTS', 'the payment was asked for with other content', {
      payment_id: paymentId,
    });
  }
}

/** The provider refused: its reason is the failure's. */
export class PaymentDeclined extends DomainError {
  constructor(paymentId: string, reason: string) {
    super('failed-precondition', reason, 'the payment was declined', { payment_id: paymentId });
  }
}

export class PaymentVoided extends DomainError {
  constructor(paymentId: string) {
    super('failed-precondition', 'PAYMENT_VOIDED', 'the payment was voided', { payment_id: paymentId });
  }
}

export class PaymentNotAuthorized extends DomainError {
  constructor(paymentId: string) {
    super('failed-precondition', 'PAYMENT_NOT_AUTHORIZED', 'nothing is held for the payment', {
      payment_id: paymentId,
    });
  }
}

export class PaymentCaptured extends DomainError {
  constructor(paymentId: string) {
    super('failed-precondition', 'PAYMENT_CAPTURED', 'the amount is taken or being taken: refund it', {
      payment_id: paymentId,
    });
  }
}

export class CurrencyMismatch extends DomainError {
  constructor(paymentId: string, currencyCode: string) {
    super('failed-precondition', 'CURRENCY_MISMATCH', `the payment is in ${currencyCode}`, {
      payment_id: paymentId,
      currency_code: currencyCode,
    });
  }
}

export class RefundDiffers extends DomainError {
  constructor(refundId: string) {
    super('already-exists', 'REFUND_EXISTS', 'the refund was asked for with another amount', { refund_id: refundId });
  }
}

export class RefundExceedsCaptured extends DomainError {
  constructor(paymentId: string, left: bigint) {
    super('failed-precondition', 'REFUND_EXCEEDS_CAPTURED', 'more than what was taken and is left to give back', {
      payment_id: paymentId,
      left_minor_units: String(left),
    });
  }
}
