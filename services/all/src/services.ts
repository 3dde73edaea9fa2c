import { audit } from '@weft/audit/module';
import { catalog } from '@weft/catalog/module';
import { checkout } from '@weft/checkout/module';
import { gateway } from '@weft/gateway/module';
import { inventory } from '@weft/inventory/module';
import type { AnyService } from '@weft/kit/module';
import { notifications } from '@weft/notifications/module';
import { orders } from '@weft/orders/module';
import { payments } from '@weft/payments/module';
import { shipping } from '@weft/shipping/module';
import { users } from '@weft/users/module';

export interface Listed {
  readonly spec: AnyService;
  /** The loopback port that it has on a laptop. */
  readonly port: number;
  /** Those of its other listeners, by name: http is <NAME>_HTTP_PORT. */
  readonly listeners?: Readonly<Record<string, number>>;
}

/** The one list of services. */
export const services: readonly Listed[] = [
  { spec: users, port: 50051 },
  { spec: catalog, port: 50052 },
  { spec: inventory, port: 50053 },
  { spec: orders, port: 50054 },
  { spec: checkout, port: 50055 },
  { spec: payments, port: 50056 },
  { spec: shipping, port: 50057 },
  { spec: notifications, port: 50058 },
  { spec: audit, port: 50059 },
  { spec: gateway, port: 50060, listeners: { http: 8080 } },
];
