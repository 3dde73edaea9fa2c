import type { Logger } from 'pino';
import { Alarm, pause } from './backoff.ts';
import { BUCKETS, lockClass } from './hash.ts';
import type { Session } from './session.ts';

/** What has a share of the buckets of a resource. */
export interface Holder {
  /**
   * Whether it can do all that others can: where a member can, those that cannot have no share. All are alike where it is absent.
   */
  readonly complete?: boolean;
  /** Whether it can go on with a bucket that another member has offered. None is taken where it is absent. */
  fits?(bucket: number): Promise<boolean>;
  /** The bucket is ours from now on. */
  acquired(bucket: number): void;
  /** The connection is gone, and every bucket with it. */
  lost(): void;
  /** Others are to have the bucket: resolves when the last work on it has ended. Only then it is given back. */
  release(bucket: number): Promise<void>;
}

interface Membership {
  readonly resource: string;
  readonly class: number;
  readonly holder: Holder;
  readonly owned: Set<number>;
  readonly releasing: Map<number, Promise<void>>;
  present: boolean;
  /** Whether the others know it for one that is. */
  complete: boolean;
  /** There were others at the last balance. */
  shared: boolean;
  left: boolean;
}

const TICK_MS = 1_000;
/** The key, beside the buckets, on which every member holds a shared lock: their number is that of the live members. */
const PRESENCE = BUCKETS;
/** The same of those that are complete. */
const COMPLETE = BUCKETS + 1;
/** A shared lock here and on what follows for a bucket that its owner cannot go on with. */
const OFFERED = BUCKETS + 2;
/** Every other member has looked by then. */
const OFFER_MS = 2 * TICK_MS;

/**
 * Shares the buckets of named resources fairly among all processes that joined them, by session-level advisory locks: a
 * bucket has one owner, and a dead owner's buckets are free when its connection ends.
 */
export class Leases {
  readonly #session: Session;
  readonly #logger: Logger;
  readonly #members = new Map<string, Membership>();
  readonly #alarm = new Alarm();
  readonly #stopping = new AbortController();
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(session: Session, logger: Logger) {
    this.#session = session;
    this.#logger = logger;
    session.onUp(() => this.#alarm.wake());
    session.onDown(() => {
      for (const member of this.#members.values()) this.#forget(member);
    });
  }

  /** Joins the sharing of a resource; a process joins each once. The result leaves it and gives all buckets back. */
  join(resource: string, holder: Holder): () => Promise<void> {
    if (this.#members.has(resource)) throw new Error(`${resource} is already served by this process`);
    const member: Membership = {
      resource,
      class: lockClass(resource),
      holder,
      owned: new Set(),
      releasing: new Map(),
      present: false,
      complete: false,
      shared: false,
      left: false,
    };
    this.#members.set(resource, member);
    this.#running ??= this.#run();
    this.#alarm.wake();
    let left: Promise<void> | undefined;
    return () => (left ??= this.#leave(member));
  }

  /**
   * Gives a bucket to a member that it fits, however many that one has; for that time, and two seconds at least, to nobody else.
   * @returns false where there is no other member: then the bucket is kept
   */
  offer(resource: string, bucket: number, ms: number): boolean {
    const member = this.#members.get(resource);
    if (!member?.shared || member.left || !member.owned.has(bucket)) return false;
    void this.#offer(member, bucket, Math.max(ms, OFFER_MS));
    return true;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopping.abort();
    this.#alarm.wake();
    await this.#running;
  }

  async #offer(member: Membership, bucket: number, ms: number): Promise<void> {
    const { epoch } = this.#session;
    const lock = 'SELECT pg_advisory_lock_shared($1::int, $2::int)';
    const offered = this.#session.query(lock, [member.class, OFFERED + bucket]).catch(() => undefined);
    await Promise.all([offered, this.#release(member, bucket)]);
    await pause(ms, this.#stopping.signal);
    if (this.#session.epoch === epoch) await this.#unlock('pg_advisory_unlock_shared', member, OFFERED + bucket);
  }

  async #leave(member: Membership): Promise<void> {
    member.left = true;
    await Promise.all([...member.owned].map((bucket) => this.#release(member, bucket)));
    if (member.complete) await this.#unlock('pg_advisory_unlock_shared', member, COMPLETE);
    if (member.present) await this.#unlock('pg_advisory_unlock_shared', member, PRESENCE);
    this.#members.delete(member.resource);
  }

  #forget(member: Membership): void {
    member.present = false;
    member.complete = false;
    member.owned.clear();
    member.releasing.clear();
    member.holder.lost();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      if (this.#session.connected && this.#members.size > 0) {
        await this.#balance().catch((error) => this.#logger.debug({ err: error }, 'sharing of buckets failed'));
      }
      await this.#alarm.sleep(TICK_MS);
    }
  }

  async #balance(): Promise<void> {
    const { epoch } = this.#session;
    const members = [...this.#members.values()].filter((member) => !member.left);
    const absent = members.filter((member) => !member.present);
    if (absent.length > 0) {
      const classes = absent.map((member) => member.class);
      await this.#session.query('SELECT pg_advisory_lock_shared(class, $2::int) FROM unnest($1::int[]) class', [
        classes,
        PRESENCE,
      ]);
      if (this.#session.epoch !== epoch) return;
      for (const member of absent) {
        if (member.left) await this.#unlock('pg_advisory_unlock_shared', member, PRESENCE);
        else member.present = true;
      }
    }
    for (const member of members) await this.#tellWhetherComplete(member);
    if (this.#session.epoch !== epoch) return;
    const held = await this.#heldLocks(members);
    if (this.#session.epoch !== epoch) return;
    const wanted: { member: Membership; bucket: number }[] = [];
    for (const member of members) {
      const locks = held.get(member.class);
      const complete = locks?.get(COMPLETE) ?? 0;
      member.shared = (locks?.get(PRESENCE) ?? 1) > 1;
      const sharing = complete > 0 ? complete : (locks?.get(PRESENCE) ?? 1);
      const share = complete > 0 && !member.complete ? 0 : Math.ceil(BUCKETS / Math.max(1, sharing));
      const keeping = member.owned.size - member.releasing.size;
      if (keeping > share) {
        const excess = [...member.owned].filter((bucket) => !member.releasing.has(bucket)).slice(share);
        for (const bucket of excess) void this.#release(member, bucket);
      }
      const free = shuffled().filter((bucket) => !locks?.has(bucket) && !member.owned.has(bucket));
      const [offered, others] = [true, false].map((is) => free.filter((bucket) => locks?.has(OFFERED + bucket) === is));
      for (const bucket of offered ?? []) if (await member.holder.fits?.(bucket)) wanted.push({ member, bucket });
      for (const bucket of others?.slice(0, Math.max(0, share - keeping)) ?? []) wanted.push({ member, bucket });
    }
    if (wanted.length > 0 && this.#session.epoch === epoch) await this.#claim(wanted, epoch);
  }

  async #tellWhetherComplete(member: Membership): Promise<void> {
    const { complete = false } = member.holder;
    if (member.left || complete === member.complete) return;
    const { epoch } = this.#session;
    const how = complete ? 'pg_advisory_lock_shared' : 'pg_advisory_unlock_shared';
    await this.#session.query(`SELECT ${how}($1::int, $2::int)`, [member.class, COMPLETE]);
    if (this.#session.epoch !== epoch) return;
    member.complete = complete;
    if (complete && member.left) await this.#unlock('pg_advisory_unlock_shared', member, COMPLETE);
  }

  async #heldLocks(members: readonly Membership[]): Promise<Map<number, Map<number, number>>> {
    const rows = await this.#session.query<{ class: bigint; key: bigint; holders: bigint }>(
      `SELECT classid::int8 AS class, objid::int8 AS key, count(*) AS holders FROM pg_locks
       WHERE locktype = 'advisory' AND objsubid = 2 AND granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       GROUP BY 1, 2`,
    );
    const held = new Map(members.map((member) => [member.class, new Map<number, number>()]));
    for (const row of rows) held.get(Number(BigInt.asIntN(32, row.class)))?.set(Number(row.key), Number(row.holders));
    return held;
  }

  async #claim(wanted: readonly { member: Membership; bucket: number }[], epoch: number): Promise<void> {
    const rows = await this.#session.query<{ place: bigint }>(
      `SELECT place FROM unnest($1::int[], $2::int[]) WITH ORDINALITY w(class, bucket, place)
       WHERE pg_try_advisory_lock(class, bucket)`,
      [wanted.map(({ member }) => member.class), wanted.map(({ bucket }) => bucket)],
    );
    if (this.#session.epoch !== epoch) return;
    for (const { place } of rows) {
      const claim = wanted[Number(place) - 1];
      if (!claim) continue;
      const { member, bucket } = claim;
      if (member.left) {
        await this.#unlock('pg_advisory_unlock', member, bucket);
        // With the connection all locks are gone.
        if (this.#session.epoch !== epoch) return;
        continue;
      }
      member.owned.add(bucket);
      member.holder.acquired(bucket);
    }
  }

  async #release(member: Membership, bucket: number): Promise<void> {
    const released = member.releasing.get(bucket) ?? this.#giveBack(member, bucket);
    member.releasing.set(bucket, released);
    await released;
  }

  async #giveBack(member: Membership, bucket: number): Promise<void> {
    const { epoch } = this.#session;
    try {
      await member.holder.release(bucket);
    } catch (error) {
      this.#logger.error({ err: error, resource: member.resource }, 'release of a bucket failed');
    }
    if (this.#session.epoch !== epoch) return;
    member.owned.delete(bucket);
    member.releasing.delete(bucket);
    await this.#unlock('pg_advisory_unlock', member, bucket);
  }

  /** A lock that cannot be given back is gone with its connection. */
  async #unlock(
    how: 'pg_advisory_unlock' | 'pg_advisory_unlock_shared',
    member: Membership,
    key: number,
  ): Promise<void> {
    await this.#session.query(`SELECT ${how}($1::int, $2::int)`, [member.class, key]).catch(() => undefined);
  }
}

function shuffled(): number[] {
  return Array.from({ length: BUCKETS }, (_, bucket) => ({ bucket, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ bucket }) => bucket);
}
