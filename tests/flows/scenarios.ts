import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { PaymentStatus } from '@weft/gen/grpc/weft/payments/v1/payments';
import { ShipmentStatus } from '@weft/gen/grpc/weft/shipping/v1/shipping';

/** A service that cannot go on, as one of its tables is away. */
export type Held = readonly [service: string, table: string];

/** What has to be seen before the scenario goes on. */
export type Seen = (look: Look) => Promise<boolean>;

export interface Look {
  readonly order: () => Promise<OrderStatus | undefined>;
  readonly payment: () => Promise<PaymentStatus | undefined>;
  readonly shipment: () => Promise<ShipmentStatus | undefined>;
  readonly reserved: () => Promise<bigint>;
}

/** A cancellation at one stage of an order. */
export interface Stage {
  readonly name: string;
  /** Held from before the order is placed; each is let go, and the next one held before, when something is seen. */
  readonly holds: readonly { readonly held: Held; readonly until?: Seen }[];
  /** Asked for when this is seen. */
  readonly when?: Seen;
  /** Whether the order has been paid by then, and is refunded; in one style the capture may have begun where in the other it has not. */
  readonly paid: boolean | 'perhaps';
}

export interface Scenario {
  readonly name: string;
  readonly token?: string;
  readonly postalCode?: string;
  /** On the shelf; the order wants two. */
  readonly stock?: bigint;
  readonly cancelled?: Stage;
  readonly ends: 'COMPLETED' | 'REJECTED' | 'CANCELLED';
  readonly reason?: string;
}

const STOCK: Held = ['inventory', 'reservation'];
const PAYMENTS: Held = ['payments', 'payment'];
const SHIPMENTS: Held = ['shipping', 'shipment'];

const isReserved: Seen = async ({ reserved }) => (await reserved()) > 0n;
const isAuthorized: Seen = async ({ payment }) => (await payment()) === PaymentStatus.PAYMENT_STATUS_AUTHORIZED;
const isCaptured: Seen = async ({ payment }) => (await payment()) === PaymentStatus.PAYMENT_STATUS_CAPTURED;
const isAccepted: Seen = async ({ shipment }) => (await shipment()) === ShipmentStatus.SHIPMENT_STATUS_ACCEPTED;
const isConfirmed: Seen = async ({ order }) => (await order()) === OrderStatus.ORDER_STATUS_CONFIRMED;

const STAGES: readonly Stage[] = [
  { name: 'before its stock is reserved', holds: [{ held: STOCK }], paid: false },
  { name: 'before it is authorized', holds: [{ held: PAYMENTS }], when: isReserved, paid: false },
  { name: 'before its shipment is made', holds: [{ held: SHIPMENTS }], when: isAuthorized, paid: false },
  {
    name: 'before it is captured',
    holds: [{ held: SHIPMENTS, until: isAuthorized }, { held: PAYMENTS }],
    when: isAccepted,
    paid: 'perhaps',
  },
  {
    name: 'before its stock is committed',
    holds: [{ held: PAYMENTS, until: isReserved }, { held: STOCK }],
    when: isCaptured,
    paid: true,
  },
  { name: 'once it is confirmed', holds: [], when: isConfirmed, paid: true },
];

/** What may become of an order, whoever takes it to its end. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'approved', ends: 'COMPLETED' },
  { name: 'approved and sent', postalCode: 'SW1A 1AA', ends: 'COMPLETED' },
  { name: 'declined', token: 'tok_declined', ends: 'REJECTED', reason: 'CARD_DECLINED' },
  { name: 'insufficient funds', token: 'tok_insufficient_funds', ends: 'REJECTED', reason: 'INSUFFICIENT_FUNDS' },
  { name: 'out of stock', stock: 1n, ends: 'REJECTED', reason: 'OUT_OF_STOCK' },
  { name: 'refused by the carrier', postalCode: 'SIM-REFUSED', ends: 'REJECTED', reason: 'ADDRESS_NOT_SERVED' },
  { name: 'accepted by the carrier at the second try', postalCode: 'SIM-TIMEOUT-ACCEPTED', ends: 'COMPLETED' },
  {
    name: 'refused by the carrier at the second try',
    postalCode: 'SIM-TIMEOUT-REFUSED',
    ends: 'REJECTED',
    reason: 'ADDRESS_NOT_SERVED',
  },
  { name: 'approved after a time-out', token: 'tok_timeout_approved', ends: 'COMPLETED' },
  { name: 'declined after a time-out', token: 'tok_timeout_declined', ends: 'REJECTED', reason: 'CARD_DECLINED' },
  { name: 'captured after a time-out', token: 'tok_capture_timeout', ends: 'COMPLETED' },
  ...STAGES.map((cancelled): Scenario => {
    return { name: `cancelled ${cancelled.name}`, postalCode: 'SIM-DELAYED', cancelled, ends: 'CANCELLED' };
  }),
];
