import { fromBinary } from '@bufbuild/protobuf';
import { GetProductResponseSchema } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { GetProductResponse } from '@weft/gen/grpc/weft/catalog/v1/catalog';

export const PRODUCT_ID = 'white-hanging-heart';
/** Calls that wait for a service that never answers. */
export const HANGING = 100;
/** So long each of them does: the contract's timeout of ListOrders. */
export const HANGING_MS = 3_000;

const time = { seconds: 1_795_000_000n, nanos: 500_000_000 };

/** What GetProduct answers in the benchmark: about 400 bytes. */
export const grpcReply: GetProductResponse = {
  product: {
    productId: PRODUCT_ID,
    stockCode: '85123A',
    title: 'White hanging heart T-light holder',
    description: 'x'.repeat(280),
    price: { currencyCode: 'GBP', minorUnits: 255n },
    version: 3n,
    createTime: time,
    updateTime: time,
    available: 42n,
  },
};

export const esReply = fromBinary(GetProductResponseSchema, GetProductResponse.encode(grpcReply).finish());
