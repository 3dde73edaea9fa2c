/** Where a process is killed, by service. */
export interface Points {
  readonly [service: string]: readonly string[];
}

/** Calls that the way of an order makes. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  catalog: ['BatchGetProducts'],
  inventory: ['Reserve', 'Commit', 'Release'],
  orders: ['PlaceOrder', 'CancelOrder', 'ConfirmOrder', 'RejectOrder', 'ConfirmCancellation'],
  payments: ['Authorize', 'Capture', 'Void'],
  shipping: ['CreateShipment', 'CancelShipment'],
};

const SAGA = ['reserve', 'authorize', 'ship', 'capture', 'commit', 'confirm'].flatMap((step) => [
  `checkout.invoke.${step}.begun`,
  `checkout.invoke.${step}.tried`,
]);
const UNDO = ['reserve', 'authorize', 'ship'].flatMap((step) => [
  `checkout.undo.${step}.begun`,
  `checkout.undo.${step}.tried`,
]);

const STEPS: Readonly<Record<string, readonly string[]>> = {
  inventory: ['reserve', 'release', 'commit'],
  payments: ['authorize', 'capture', 'void'],
  shipping: ['create', 'cancel'],
};

/** @param consumers of each service: the types of the events of orders that they handle */
export function pointsOf(
  services: readonly string[],
  consumers: Readonly<Record<string, readonly { name: string; types: readonly string[] }[]>>,
): Points {
  const boundaries = (name: string) => [
    `${name}.commit.begun`,
    `${name}.commit.done`,
    `${name}.relay.taken`,
    `${name}.relay.published`,
  ];
  const calls = (name: string) =>
    (CALLS[name] ?? []).flatMap((method) => {
      const full = `${name}.weft.${name}.v1.${name[0]?.toUpperCase()}${name.slice(1)}Service/${method}`;
      return [`${full}.begun`, `${full}.done`];
    });
  const steps = (name: string) =>
    (STEPS[name] ?? []).flatMap((step) => [`${name}.${step}.begun`, `${name}.${step}.tried`]);
  const events = (name: string) =>
    (consumers[name] ?? []).flatMap((consumer) =>
      consumer.types
        .filter((type) => !type.startsWith('weft.users.'))
        .flatMap((type) => [`${consumer.name}.${type}.begun`, `${consumer.name}.${type}.handled`]),
    );
  // These publish nothing while orders are placed, or write nothing.
  const quiet = new Set(['catalog', 'users']);
  return Object.fromEntries(
    services.map((name) => [
      name,
      [
        ...(quiet.has(name) ? [] : boundaries(name)),
        ...calls(name),
        ...events(name),
        ...steps(name),
        ...(name === 'checkout' ? [...SAGA, ...UNDO] : []),
      ],
    ]),
  );
}

/** What was hit, and what is next. */
export class Coverage {
  readonly #hits = new Map<string, number>();
  readonly #missed = new Map<string, number>();
  readonly #serviceOf = new Map<string, string>();

  constructor(points: Points) {
    for (const [service, names] of Object.entries(points)) {
      for (const name of names) {
        this.#serviceOf.set(name, service);
        this.#hits.set(name, 0);
      }
    }
  }

  hit(point: string): void {
    this.#hits.set(point, (this.#hits.get(point) ?? 0) + 1);
  }

  missed(point: string): void {
    this.#missed.set(point, (this.#missed.get(point) ?? 0) + 1);
  }

  /** Of the services that are not busy, the one whose points wait longest, and up to so many of them. */
  next(busy: ReadonlySet<string>, most: number): { service: string; points: string[] } | undefined {
    const waiting = [...this.#hits]
      .filter(([point]) => !busy.has(this.#serviceOf.get(point) ?? ''))
      .map(([point, hits]) => ({ point, turns: hits + (this.#missed.get(point) ?? 0), chance: Math.random() }))
      .sort((a, b) => a.turns - b.turns || a.chance - b.chance);
    const [first] = waiting;
    if (!first) return undefined;
    const service = this.#serviceOf.get(first.point) ?? '';
    const points = waiting.filter(({ point }) => this.#serviceOf.get(point) === service).slice(0, most);
    return { service, points: points.map(({ point }) => point) };
  }

  rows(): { service: string; points: number; hit: number; kills: number; never: string[] }[] {
    const services = [...new Set(this.#serviceOf.values())];
    return services.map((service) => {
      const own = [...this.#hits].filter(([point]) => this.#serviceOf.get(point) === service);
      const hit = own.filter(([, hits]) => hits > 0);
      return {
        service,
        points: own.length,
        hit: hit.length,
        kills: own.reduce((sum, [, hits]) => sum + hits, 0),
        never: own.filter(([, hits]) => hits === 0).map(([point]) => point),
      };
    });
  }
}
