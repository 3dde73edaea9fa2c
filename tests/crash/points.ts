/** Where a process is killed, by service. */
export interface Points {
  readonly [service: string]: readonly string[];
}

/** Calls that the way of an order makes, and who buys. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  users: ['Register', 'Login'],
  catalog: ['BatchGetProducts'],
  inventory: ['Reserve', 'Commit', 'Release', 'Restock'],
  orders: [
    'PlaceOrder',
    'CancelOrder',
    'ReturnItems',
    'GetDeliveryAddress',
    'ConfirmOrder',
    'RejectOrder',
    'ConfirmCancellation',
    'SettleReturn',
  ],
  payments: ['Authorize', 'Capture', 'Void', 'Refund'],
  shipping: ['CreateShipment', 'CancelShipment'],
};

const tried = (direction: string, steps: readonly string[]) =>
  steps.flatMap((step) => [`checkout.${direction}.${step}.begun`, `checkout.${direction}.${step}.tried`]);
const around = (service: string, steps: readonly string[]) =>
  steps.flatMap((step) => [`${service}.${step}.begun`, `${service}.${step}.tried`]);
const boundaries = (name: string) => [`${name}.commit.begun`, `${name}.commit.done`];
const relayed = (name: string) => [`${name}.relay.taken`, `${name}.relay.published`];

/** Steps of sagas and reactions, and where an answer is lost. */
const STEPS: Readonly<Record<string, readonly string[]>> = {
  checkout: [
    ...boundaries('checkout'),
    ...relayed('checkout'),
    ...tried('invoke', ['reserve', 'authorize', 'ship', 'capture', 'commit', 'confirm', 'reject']),
    ...tried('invoke', ['cancel-shipment', 'refund', 'restock', 'settle']),
    ...tried('undo', ['reserve', 'authorize', 'ship']),
    ...['completed', 'compensating', 'compensated'].map((state) => `checkout.saved.${state}`),
  ],
  inventory: [
    ...boundaries('inventory'),
    ...relayed('inventory'),
    ...around('inventory', ['reserve', 'release', 'commit', 'restock']),
    'inventory.reserved',
    'inventory.committed',
  ],
  orders: [
    ...boundaries('orders'),
    ...relayed('orders'),
    ...['placed', 'confirmed', 'rejected', 'cancelling', 'cancelled'].map((status) => `orders.${status}`),
  ],
  payments: [
    ...boundaries('payments'),
    ...relayed('payments'),
    ...around('payments', ['authorize', 'capture', 'void', 'refund']),
  ],
  shipping: [...boundaries('shipping'), ...relayed('shipping'), ...around('shipping', ['create', 'cancel'])],
  users: [...boundaries('users'), ...relayed('users')],
  // These tell nobody.
  notifications: boundaries('notifications'),
  audit: boundaries('audit'),
  ledger: boundaries('ledger'),
};

/** @param consumers of each service: the types of the events of orders that they handle */
export function pointsOf(
  services: readonly string[],
  consumers: Readonly<Record<string, readonly { name: string; types: readonly string[] }[]>>,
): Points {
  const calls = (name: string) =>
    (CALLS[name] ?? []).flatMap((method) => {
      const full = `${name}.weft.${name}.v1.${name[0]?.toUpperCase()}${name.slice(1)}Service/${method}`;
      return [`${full}.begun`, `${full}.done`];
    });
  const events = (name: string) =>
    (consumers[name] ?? []).flatMap((consumer) =>
      consumer.types
        .filter((type) => type !== 'weft.users.v1.user_deleted')
        .flatMap((type) => [`${consumer.name}.${type}.begun`, `${consumer.name}.${type}.handled`]),
    );
  return Object.fromEntries(services.map((name) => [name, [...(STEPS[name] ?? []), ...calls(name), ...events(name)]]));
}

/** A process may come by a point so often before it dies there. */
const MOST_TIMES = 6;

/** What was hit, and who is next. */
export class Coverage {
  readonly #points: Points;
  readonly #hits = new Map<string, number>();

  constructor(points: Points) {
    this.#points = points;
  }

  hit(point: string): void {
    this.#hits.set(point, (this.#hits.get(point) ?? 0) + 1);
  }

  get isComplete(): boolean {
    return Object.keys(this.#points).every((service) => this.isCompleteFor(service));
  }

  isCompleteFor(service: string): boolean {
    return this.#never(service).length === 0;
  }

  /** Of the services that are not busy, the one that was killed least for the points that it has, and sooner where it has never died at one. */
  next(busy: ReadonlySet<string>, kills: ReadonlyMap<string, number>): string | undefined {
    const often = (service: string) =>
      (kills.get(service) ?? 0) / this.#of(service).length / (this.isCompleteFor(service) ? 1 : 2);
    const free = Object.keys(this.#points).filter((service) => !busy.has(service));
    return free.sort((a, b) => often(a) - often(b))[0];
  }

  /**
   * Where it is to die: three times of four where it never did, at once, as what is frequent would hide it; else anywhere, at one of
   * the first times.
   */
  arm(service: string): readonly string[] {
    const never = this.#never(service);
    if (never.length > 0 && Math.random() < 0.75) return never.map((point) => `${point}:exit`);
    return this.#of(service).map((point) => `${point}:exit:${1 + Math.floor(Math.random() * MOST_TIMES)}`);
  }

  rows(): { service: string; points: number; never: readonly string[] }[] {
    return Object.keys(this.#points).map((service) => {
      return { service, points: this.#of(service).length, never: this.#never(service) };
    });
  }

  #of(service: string): readonly string[] {
    return this.#points[service] ?? [];
  }

  #never(service: string): readonly string[] {
    return this.#of(service).filter((point) => !this.#hits.has(point));
  }
}
