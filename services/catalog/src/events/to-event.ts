import * as schema from '@weft/gen/es/weft/catalog/v1/events_pb';
import { ProductCreated, ProductUpdated } from '@weft/gen/grpc/weft/catalog/v1/events';
import { defineEvent, eventsOf } from '@weft/kit/events';
import type { OutgoingEvent } from '@weft/kit/store';
import { toTimestamp } from '@weft/kit/time';
import type { CatalogEvent } from '../app/ports.ts';
import { toMoney } from '../transport/messages.ts';

export const published = eventsOf(schema.file_weft_catalog_v1_events);

const created = defineEvent(ProductCreated, schema.ProductCreatedSchema);
const updated = defineEvent(ProductUpdated, schema.ProductUpdatedSchema);

/** The contract's event for what happened. */
export function toEvent({ type, product }: CatalogEvent): OutgoingEvent {
  const { productId, stockCode, title, version, updatedAt } = product;
  const content = { productId, version, occurTime: toTimestamp(updatedAt), title, price: toMoney(product.price) };
  return type === 'created' ? created.create({ ...content, stockCode }) : updated.create(content);
}
