import { ShipmentMoved, type ShippingStore, type ShippingTransaction } from '../src/app/ports.ts';
import type { Shipment } from '../src/domain/shipment.ts';

class Outdated extends Error {}

/** A store in memory: a transaction saves all that it changed, or nothing, and notices when somebody was faster. */
export class MemoryStore implements ShippingStore {
  readonly shipments = new Map<string, Shipment>();
  readonly published: Shipment[] = [];
  /** Awaited before each read and each commit. */
  readonly #turn: () => Promise<void>;

  constructor(turn: () => Promise<void>) {
    this.#turn = turn;
  }

  async transaction<T>(work: (tx: ShippingTransaction) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await this.#once(work);
      } catch (error) {
        if (!(error instanceof Outdated)) throw error;
      }
    }
  }

  async find(shipmentId: string): Promise<Shipment | undefined> {
    await this.#turn();
    return this.shipments.get(shipmentId);
  }

  async versions(): Promise<ReadonlyMap<string, bigint>> {
    return new Map();
  }

  async claimWithdrawals(due: Date, again: Date): Promise<Shipment[]> {
    await this.#turn();
    const claimed = [...this.shipments.values()].filter(({ withdrawAt }) => withdrawAt && withdrawAt <= due);
    return claimed.map((shipment) => this.#save({ ...shipment, withdrawAt: again }));
  }

  async confirmWithdrawal({ shipmentId, withdrawAt }: Shipment): Promise<void> {
    await this.#turn();
    const standing = this.shipments.get(shipmentId);
    if (standing && standing.withdrawAt === withdrawAt) this.#save({ ...standing, withdrawAt: undefined });
  }

  async #once<T>(work: (tx: ShippingTransaction) => Promise<T>): Promise<T> {
    const changes: (() => void)[] = [];
    const checks: (() => void)[] = [];
    const result = await work({
      insert: (shipment) => {
        checks.push(() => {
          if (this.shipments.has(shipment.shipmentId)) throw new ShipmentMoved();
        });
        changes.push(() => this.#save(shipment));
      },
      recent: (shipmentId) => this.shipments.get(shipmentId),
      shipment: (shipmentId) => this.find(shipmentId),
      due: async (now) => [...this.shipments.values()].filter(({ dispatchAt }) => dispatchAt && dispatchAt <= now),
      update: (before, after) => {
        checks.push(() => {
          const standing = this.shipments.get(before.shipmentId);
          if (standing?.version !== before.version || standing.attempts !== before.attempts) throw new Outdated();
        });
        changes.push(() => this.#save(after));
      },
      publish: (shipment) => changes.push(() => this.published.push(shipment)),
    });
    await this.#turn();
    for (const check of checks) check();
    for (const change of changes) change();
    return result;
  }

  #save(shipment: Shipment): Shipment {
    this.shipments.set(shipment.shipmentId, shipment);
    return shipment;
  }
}
