import type { Product as ProductMessage } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import type { Money } from '@weft/gen/grpc/weft/common/v1/money';
import { toTimestamp } from '@weft/kit/time';
import type { Offer } from '../app/with-stock.ts';
import type { Price } from '../domain/product.ts';

export function toMoney({ currency, minorUnits }: Price): Money {
  return { currencyCode: currency, minorUnits };
}

export function fromMoney({ currencyCode, minorUnits }: Money): Price {
  return { currency: currencyCode, minorUnits };
}

export function toProduct({ product, available }: Offer): ProductMessage {
  const { productId, stockCode, title, description, price, version, createdAt, updatedAt } = product;
  return {
    productId,
    stockCode,
    title,
    description,
    price: toMoney(price),
    version,
    createTime: toTimestamp(createdAt),
    updateTime: toTimestamp(updatedAt),
    available,
  };
}
