import { type Bus, eventReader, type Published } from '@weft/kit/events';
import type { Worker } from '@weft/kit/module';
import { pause } from '@weft/kit/store';
import type { Logger } from '@weft/kit/telemetry';
import { type AuditStore, NotOurTurn } from '../app/ports.ts';
import { keptFrom } from '../domain/record.ts';
import type { Progress } from './progress.ts';
import { toRecord } from './to-record.ts';
import type { UnknownTypes } from './unknown-types.ts';

export interface RecorderParts {
  readonly store: AuditStore;
  readonly bus: Pick<Bus, 'tail' | 'schemas' | 'check'>;
  readonly logger: Logger;
  readonly now: () => Date;
  /** Of this process, among those that record. */
  readonly owner: string;
  readonly retentionDays: number;
  readonly progress: Progress;
  readonly unknown: UnknownTypes;
}

const AT_ONCE = 500;
const GATHER_MS = 100;
/** Well below the length of a turn. */
const RENEW_MS = 5_000;
const AGAIN_MS = 1_000;
const RETENTION_MS = 3_600_000;

/**
 * Records all events of the bus, in batches: what is read of a stream and how far that is are saved together, so that each event
 * is recorded once, and none costs a transaction of its own. One process at a time has the turn; another takes it when it ends.
 */
export function recorder({ store, bus, logger, now, owner, retentionDays, progress, unknown }: RecorderParts): Worker {
  const reader = eventReader(bus, () => now().getTime());
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();

  /** Until the turn is lost, the bus goes away or the process stops. */
  async function follow(after: ReadonlyMap<string, bigint>): Promise<void> {
    const ending = new AbortController();
    const signal = AbortSignal.any([stopping.signal, ending.signal]);
    let batch: Published[] = [];
    let reached = new Map<string, bigint>();
    let failure: unknown;
    let saving = Promise.resolve();
    const save = () => {
      const events = batch;
      const cursors = reached;
      batch = [];
      reached = new Map();
      saving = saving.then(async () => {
        if (failure !== undefined) return;
        const records = await Promise.all(events.map((event) => toRecord(event, reader, now())));
        const kept = keptFrom(now(), retentionDays);
        const wanted = records.filter((record) => record !== undefined && record.occurredAt >= kept);
        await store.record(owner, now(), wanted as Exclude<(typeof wanted)[number], undefined>[], cursors);
        for (const { type } of events) unknown.saw(type);
        const newest = events.at(-1);
        if (newest) progress.recorded(newest.publishedAt.getTime());
        const next = batch[0];
        if (next) progress.came(next.publishedAt.getTime());
      });
      saving = saving.catch((error: unknown) => {
        failure ??= error;
        ending.abort();
      });
      return saving;
    };
    let quiet = false;
    const renew = async () => {
      const wasQuiet = quiet;
      const at = now().getTime();
      quiet = true;
      await save();
      await unknown.look();
      // Where nothing comes, it may be that nothing can.
      if (!wasQuiet || failure !== undefined) return;
      await bus.check().then(
        () => quiet && progress.nothing(at),
        (err: unknown) => logger.debug({ err }, 'the bus does not answer: there may be events to record'),
      );
    };
    const renewing = setInterval(() => void renew(), RENEW_MS);
    let gathering: NodeJS.Timeout | undefined;
    try {
      for await (const event of bus.tail({ after, signal })) {
        quiet = false;
        progress.came(event.publishedAt.getTime());
        batch.push(event);
        reached.set(event.stream, event.position);
        if (batch.length >= AT_ONCE) await save();
        else
          gathering ??= setTimeout(() => {
            gathering = undefined;
            void save();
          }, GATHER_MS);
      }
    } finally {
      clearInterval(renewing);
      clearTimeout(gathering);
      await save();
      await unknown.look();
    }
    if (failure !== undefined) throw failure;
  }

  async function run(): Promise<void> {
    let forgotten = Number.NEGATIVE_INFINITY;
    while (!stopping.signal.aborted) {
      try {
        const cursors = await store.begin(owner, now());
        if (cursors) progress.ours();
        else progress.others(now().getTime());
        if (cursors && performance.now() - forgotten > RETENTION_MS) {
          forgotten = performance.now();
          await store.forgetBefore(keptFrom(now(), retentionDays));
        }
        if (cursors) await follow(cursors);
      } catch (err) {
        if (err instanceof NotOurTurn) progress.others(now().getTime());
        else {
          progress.ours();
          logger.warn({ err }, 'events not recorded; trying again');
        }
      }
      await pause(AGAIN_MS, stopping.signal);
    }
    await store.end(owner).catch((err: unknown) => logger.debug({ err }, 'the turn to record was not given back'));
  }

  return {
    start() {
      running = run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
