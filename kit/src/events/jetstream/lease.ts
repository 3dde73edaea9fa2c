import { randomUUID } from 'node:crypto';
import { headers as createHeaders } from '@nats-io/transport-node';
import { backoff, pause } from '../../store/backoff.ts';
import { BusUnavailable, Overtaken } from './errors.ts';
import type { Link } from './link.ts';
import { ATTEMPTS } from './subjects.ts';

/** Who has held it for so long is taken for dead by whoever has waited for it all that time. */
const LEASE_MS = 15_000;
/** What of that the holder trusts in: what it sends last has the rest to arrive. */
const TRUSTED = 2 / 3;
/** Others may hold it one after the other. */
const WAIT_MS = 4 * LEASE_MS;
const FREE = '';

export interface Lease {
  /** @throws BusUnavailable when it may be somebody else's by now: nothing more may be written. */
  check(): void;
}

/** What was last seen of a holder: one that is not to be waited for is found dead by who comes back. */
export interface Seen {
  seq: number;
  since: number;
}

export interface LeaseOptions {
  readonly leaseMs?: number;
  readonly waitMs?: number;
  readonly seen?: Seen;
}

/**
 * Does the work while nobody else, in any process, does work under that subject of the stream of attempts. The broker compares and
 * sets, and clocks are not compared: one that holds it and dies is found out by those who wait.
 * @throws BusUnavailable when it is not to be had within `waitMs`, by default a minute; with 0 it is asked for once
 */
export async function leased<T>(
  link: Link,
  subject: string,
  options: LeaseOptions,
  work: (lease: Lease) => Promise<T>,
): Promise<T> {
  const { seq, until } = await take(link, subject, options);
  const check = () => {
    if (performance.now() > until) throw new BusUnavailable(new Error(`${subject} was held for too long`));
  };
  try {
    return await work({ check });
  } finally {
    // Where that fails the next one waits until it is taken for dead.
    await write(link, subject, FREE, seq).catch(() => undefined);
  }
}

async function take(
  link: Link,
  subject: string,
  { leaseMs = LEASE_MS, waitMs = WAIT_MS, seen = { seq: -1, since: 0 } }: LeaseOptions,
): Promise<{ seq: number; until: number }> {
  const began = performance.now();
  for (let attempt = 1; attempt === 1 || performance.now() - began < waitMs; attempt++) {
    const last = await link.line.manager.streams.getMessage(ATTEMPTS, { last_by_subj: subject });
    const now = performance.now();
    const seq = last?.seq ?? 0;
    if (seq !== seen.seq) Object.assign(seen, { seq, since: now });
    if (!last || last.string() === FREE || now - seen.since >= leaseMs) {
      try {
        return { seq: await write(link, subject, randomUUID(), seq), until: now + leaseMs * TRUSTED };
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error;
      }
    }
    if (waitMs > 0) await pause(backoff(attempt, 20, 400));
  }
  throw new BusUnavailable(new Error(`${subject} is held by others`));
}

/** @throws Overtaken when it is not the one at that place any more */
async function write(link: Link, subject: string, holder: string, over: number): Promise<number> {
  const headers = createHeaders();
  headers.set('Nats-Expected-Last-Subject-Sequence', String(over));
  return await link.store(ATTEMPTS, subject, holder, headers);
}
