import { DeliveryMethod, GetOrderResponse, OrderStatus, SagaStyle } from '@weft/gen/grpc/weft/orders/v1/orders';

export const ORDER_ID = '0198f0a0-0000-7000-8000-000000000001';
export const REPLY_BYTES = 387;

/** What GetOrder answers in the benchmark: two lines, REPLY_BYTES when it is encoded. */
export const reply: GetOrderResponse = padded(REPLY_BYTES);

function padded(bytes: number): GetOrderResponse {
  const empty = order('');
  const missing = bytes - GetOrderResponse.encode(empty).finish().length;
  return order('x'.repeat(missing));
}

function order(title: string): GetOrderResponse {
  const time = { seconds: 1_795_000_000n, nanos: 500_000_000 };
  const gbp = (minorUnits: bigint) => ({ currencyCode: 'GBP', minorUnits });
  const line = (productId: string, name: string) => ({
    productId,
    stockCode: '85123A',
    title: name,
    quantity: 6n,
    unitPrice: gbp(255n),
    returnedQuantity: 0n,
  });
  return {
    order: {
      orderId: ORDER_ID,
      customerId: '0198f0a0-0000-7000-8000-000000000002',
      status: OrderStatus.ORDER_STATUS_CONFIRMED,
      reason: '',
      lines: [line('white-hanging-heart', 'White hanging heart'), line('glass-star-holder', title)],
      returns: [],
      total: gbp(3060n),
      refunded: gbp(0n),
      version: 2n,
      createTime: time,
      updateTime: time,
      deliveryMethod: DeliveryMethod.DELIVERY_METHOD_PICK_UP,
      deliveryAddress: undefined,
      sagaStyle: SagaStyle.SAGA_STYLE_UNSPECIFIED,
      paymentStatus: 2,
    },
  };
}
