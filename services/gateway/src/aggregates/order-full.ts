import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
import { status, type User } from '@weft/kit/rpc';
import type { Edge } from '../edge/edge.ts';
import { failureOf } from '../edge/failure.ts';
import type { EdgeMethod } from '../edge/methods.ts';
import type { Visit } from '../http/handler.ts';
import { httpStatusOf } from '../http/problem.ts';
import { bodyOf } from '../rest/body.ts';
import type { JsonObject } from '../rest/json-text.ts';
import type { LinksOf } from '../rest/links.ts';
import { fieldOf, type Route } from '../rest/routes.ts';
import type { View } from '../rest/views.ts';

const ORDER = 'weft.orders.v1.OrdersService/GetOrder';
const PAYMENT = 'weft.payments.v1.PaymentsService/GetPayment';
const SHIPMENT = 'weft.shipping.v1.ShippingService/GetShipment';
const PRODUCT = 'weft.catalog.v1.CatalogService/GetProduct';
const WITHIN_MS = 2_000;
const MOST_PRODUCTS = 50;

interface Part {
  readonly part: string;
  readonly status: number;
  readonly reason: string;
}

export interface OrderFullOptions {
  readonly edge: Edge;
  readonly methods: ReadonlyMap<string, EdgeMethod>;
  readonly linksOf: LinksOf;
}

/** Type of the message that a method answers in a field. */
function answeredBy({ descriptor }: EdgeMethod, field: string): string {
  return fieldOf(descriptor.output, field).message?.typeName ?? '';
}

/**
 * An order with its payment, its shipment and its products, asked for at the same time and within one deadline. Without the
 * order there is nothing; what else does not answer is named in `_degraded`, and the rest is served.
 */
export function orderFull({ edge, methods, linksOf }: OrderFullOptions): View {
  const methodOf = (name: string): EdgeMethod => {
    const method = methods.get(name);
    if (!method) throw new Error(`${name} is not offered`);
    return method;
  };
  const [order, payment, shipment, product] = [ORDER, PAYMENT, SHIPMENT, PRODUCT].map(methodOf) as [
    EdgeMethod,
    EdgeMethod,
    EdgeMethod,
    EdgeMethod,
  ];

  return {
    name: `${ORDER}?view=full`,
    parts: [
      { name: 'payment', type: answeredBy(payment, 'payment'), list: false },
      { name: 'shipment', type: answeredBy(shipment, 'shipment'), list: false },
      { name: 'products', type: answeredBy(product, 'product'), list: true },
    ],
    async read(visit: Visit, route: Route, encoded: Uint8Array, user: User | undefined) {
      const { arrival } = visit;
      arrival.deadline = Math.min(arrival.deadline, Date.now() + WITHIN_MS);
      const degraded: Part[] = [];
      const ask = async (method: EdgeMethod, request: Uint8Array): Promise<JsonObject> => {
        const { bytes } = await edge.call(method, request, arrival, user);
        const { output } = method.descriptor;
        return toJson(output, fromBinary(output, bytes)) as JsonObject;
      };
      const part = async (name: string, field: string, method: EdgeMethod, request: Uint8Array) => {
        try {
          return (await ask(method, request))[field] as JsonObject;
        } catch (error) {
          const failure = failureOf(error);
          // It has not come to that yet.
          if (failure.code !== status.NOT_FOUND)
            degraded.push({ part: name, status: httpStatusOf(failure), reason: failure.reason });
          return null;
        }
      };
      const { orderId } = fromBinary(order.descriptor.input, encoded) as unknown as { orderId: string };
      const requestOf = (method: EdgeMethod, values: object) =>
        toBinary(method.descriptor.input, create(method.descriptor.input, values as never));
      const asked = edge.call(order, encoded, arrival, user);
      const paid = part('payment', 'payment', payment, requestOf(payment, { paymentId: orderId }));
      const sent = part('shipment', 'shipment', shipment, requestOf(shipment, { shipmentId: orderId }));
      const body = bodyOf(route, (await asked).bytes, user, linksOf);
      const lines = (body.resource?.lines ?? []) as { productId: string }[];
      const ids = [...new Set(lines.map(({ productId }) => productId))];
      if (ids.length > MOST_PRODUCTS) degraded.push({ part: 'products', status: 200, reason: 'TOO_MANY' });
      const goods = ids
        .slice(0, MOST_PRODUCTS)
        .map((productId) => part(`products/${productId}`, 'product', product, requestOf(product, { productId })));
      const products = (await Promise.all(goods)).filter((one) => one !== null);
      const json = {
        ...body.json,
        payment: await paid,
        shipment: await sent,
        products,
        ...(degraded.length > 0 && { _degraded: degraded }),
      };
      return { ...body, json };
    },
  };
}
