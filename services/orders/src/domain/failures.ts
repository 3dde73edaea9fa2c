import { DomainError } from '@weft/kit/failure';

export class OrderNotFound extends DomainError {
  constructor(orderId: string) {
    super('not-found', 'ORDER_NOT_FOUND', 'there is no such order', { order_id: orderId });
  }
}

export class NotYours extends DomainError {
  constructor() {
    super('permission-denied', 'NOT_YOURS', 'customers order and list for themselves only');
  }
}

export class MixedCurrencies extends DomainError {
  constructor(currencies: readonly string[]) {
    super('failed-precondition', 'MIXED_CURRENCIES', 'an order has one currency', { currencies: currencies.join(',') });
  }
}

export class OrderTooLarge extends DomainError {
  constructor(limit: bigint) {
    super('failed-precondition', 'ORDER_TOO_LARGE', 'the total is more than an order may have', {
      limit_minor_units: String(limit),
    });
  }
}

export class OrderRejected extends DomainError {
  constructor(reason: string) {
    super('failed-precondition', 'ORDER_REJECTED', 'the order was rejected: there is nothing to undo', {
      order_reason: reason,
    });
  }
}

export class OrderCompleted extends DomainError {
  constructor() {
    super('failed-precondition', 'ORDER_COMPLETED', 'the order has left: return its items instead');
  }
}

export class OrderNotCompleted extends DomainError {
  constructor(status: string) {
    super('failed-precondition', 'ORDER_NOT_COMPLETED', 'only pieces of an order that has left can be returned', {
      order_status: status,
    });
  }
}

export class DeliveryAddressNotFound extends DomainError {
  constructor(orderId: string) {
    super('not-found', 'DELIVERY_ADDRESS_NOT_FOUND', 'the order is sent to no address', { order_id: orderId });
  }
}

export class NotReturnable extends DomainError {
  constructor(productId: string, returnable: bigint) {
    super('failed-precondition', 'NOT_RETURNABLE', 'more pieces than were ordered and not yet returned', {
      product_id: productId,
      returnable: String(returnable),
    });
  }
}

export class ReturnNotFound extends DomainError {
  constructor(returnId: string) {
    super('not-found', 'RETURN_NOT_FOUND', 'the order has no such return', { return_id: returnId });
  }
}

export class IllegalMove extends DomainError {
  constructor(from: string, to: string) {
    super('failed-precondition', 'ILLEGAL_MOVE', `an order that is ${from} cannot become ${to}`, { from, to });
  }
}
