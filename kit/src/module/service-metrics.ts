import type { Attributes, BatchObservableResult, Meter } from '@opentelemetry/api';
import { type Bus, type Consumer, type EventMeta, GIVEN_UP, type GivenUp } from '../events/index.ts';
import { type EndedCall, type HealthState, isFault } from '../rpc/index.ts';
import type { Database, OutboxLag } from '../store/index.ts';
import { type Logger, type Measurement, measurement } from '../telemetry/index.ts';
import { periodic } from './periodic.ts';
import type { Worker } from './service.ts';

const LOOK_EVERY_MS = 15_000;

export interface ServiceFigures {
  readonly calls: number;
  readonly failures: number;
  readonly inFlight: number;
  readonly outbox: number;
  readonly lag: number;
  readonly deadLetters: number;
  readonly pending: number;
}

export interface ServiceMetrics {
  onLag(lag: OutboxLag): void;
  /** Has the connections of a pool observed. */
  observePool(database: Pick<Database<unknown>, 'stats'>): void;
  /** Around each delivery to a consumer. */
  delivery(meta: EventMeta, next: () => Promise<void>): Promise<void>;
  /** Counts what a consumer gives up. */
  givenUp(consumer: string, cause: GivenUp): void;
  /** Counts the types from 0 on: who asks by how much a count has risen is told nothing of one that begins at 1. */
  publishes(types: readonly string[]): void;
  /** Is told of the types of events that a transaction has saved. */
  published(types: readonly string[]): void;
  /** Has readiness and the state of dependencies observed. */
  observeHealth(health: () => HealthState): void;
  /** Gauges that the service measures itself. */
  measurement(what: string): Measurement;
  /** Begins to look at consumers and workers, every fifteen seconds: a scrape asks no database. */
  watch(consumers: ReadonlyMap<string, Consumer>, workers: readonly Worker[], bus: Bus): Worker;
  /** Counts calls and those that failed through no fault of their caller. */
  observe(call: EndedCall): void;
  /** Sums since the start, and what was last measured. */
  figures(): ServiceFigures;
  /** Calls that are being served now. */
  readonly inFlight: { calls: number };
  stop(): void;
}

/** What a service tells of itself besides its calls. Labels are names from the code and the contracts. */
export function serviceMetrics(meter: Meter, service: string, logger: Logger): ServiceMetrics {
  const of: Attributes = { 'service.name': service };
  const measured: Measurement[] = [];
  const measuring = (what: string): Measurement => {
    const made = measurement(meter, service, what);
    measured.push(made);
    return made;
  };
  const deliveries = meter.createCounter('weft.consumer.deliveries', {
    description: 'Events that were given to a consumer, by how that ended',
  });
  const redeliveries = meter.createCounter('weft.consumer.redeliveries', {
    description: 'Of these, those that were not the first of their event',
  });
  const lettersMade = meter.createCounter('weft.consumer.given_up', {
    description: 'Events that became dead letters, by why',
  });
  const events = meter.createCounter('weft.events.published', {
    description: 'Events that were saved with the state that they tell of',
  });
  const connections = meter.createObservableGauge('db.client.connection.count', {
    description: 'Connections of a pool, by what they are doing',
  });
  const waiting = meter.createObservableGauge('db.client.connection.pending_requests', {
    description: 'Requests that wait for a connection',
  });
  const calls = meter.createObservableGauge('weft.rpc.server.in_flight', {
    description: 'Calls that are being served, streams as well',
  });
  const inFlight = { calls: 0 };
  const figures = { calls: 0, failures: 0, outbox: 0, lag: 0, deadLetters: 0, pending: 0 };
  const observed = [connections, waiting, calls];
  const pool = { 'db.client.connection.pool.name': service };
  const idle = { ...pool, 'db.client.connection.state': 'idle' };
  const used = { ...pool, 'db.client.connection.state': 'used' };
  let stats: (() => ReturnType<Database<unknown>['stats']>) | undefined;
  const observe: Parameters<Meter['addBatchObservableCallback']>[0] = (result) => {
    result.observe(calls, inFlight.calls, of);
    if (stats) observePool(result, stats());
  };
  const observePool = (result: BatchObservableResult, stats: ReturnType<Database<unknown>['stats']>) => {
    result.observe(connections, stats.idle, idle);
    result.observe(connections, stats.total - stats.idle, used);
    result.observe(waiting, stats.waiting, pool);
  };
  meter.addBatchObservableCallback(observe, observed);
  let outbox: ReturnType<typeof outboxGauges> | undefined;

  // Attributes are made once for each set: the SDK hashes them, but need not be handed new ones.
  const known = new Map<string, Attributes>();
  const labels = (key: string, make: () => Attributes): Attributes => {
    const found = known.get(key) ?? make();
    known.set(key, found);
    return found;
  };
  const outcomeLabels = (consumer: string, outcome: 'handled' | 'failed') =>
    labels(`${outcome} ${consumer}`, () => ({ 'messaging.consumer.group.name': consumer, outcome }));
  const ended = ({ consumer }: EventMeta, outcome: 'handled' | 'failed') =>
    deliveries.add(1, outcomeLabels(consumer, outcome));
  const countLetter = (consumer: string, cause: GivenUp, count: number) =>
    lettersMade.add(
      count,
      labels(`given up ${cause} ${consumer}`, () => ({ 'messaging.consumer.group.name': consumer, cause })),
    );
  const typeLabels = (type: string) => labels(`type ${type}`, () => ({ 'messaging.destination.name': type }));
  const consumerLabels = (name: string) => labels(name, () => ({ 'messaging.consumer.group.name': name }));
  return {
    inFlight,
    observePool(database) {
      stats = () => database.stats();
    },
    observe({ outcome }) {
      figures.calls++;
      if (outcome && isFault(outcome.code)) figures.failures++;
    },
    figures: () => ({ ...figures, inFlight: inFlight.calls }),
    onLag({ backlog: count, oldestAgeMs }) {
      figures.outbox = count;
      outbox ??= outboxGauges(measuring('outbox'));
      outbox.record(count, oldestAgeMs / 1000);
    },
    async delivery(meta, next) {
      redeliveries.add(meta.deliveries > 1 ? 1 : 0, consumerLabels(meta.consumer));
      try {
        await next();
      } catch (error) {
        ended(meta, 'failed');
        throw error;
      }
      ended(meta, 'handled');
    },
    givenUp: (consumer, cause) => countLetter(consumer, cause, 1),
    publishes(types) {
      for (const type of types) events.add(0, typeLabels(type));
    },
    published(types) {
      for (const type of types) events.add(1, typeLabels(type));
    },
    observeHealth: (health) => observeHealth(meter, of, health),
    measurement: measuring,
    watch(consumers, workers, bus) {
      // A rate is of what was there before.
      for (const name of consumers.keys()) for (const cause of GIVEN_UP) countLetter(name, cause, 0);
      const looking = measuring('work');
      const lag = looking.gauge('weft.consumer.lag', { description: 'Events that a consumer has still to handle' });
      const letters = looking.gauge('weft.consumer.dead_letters', {
        description: 'Events that a consumer gave up and nobody has dealt with',
      });
      const work = looking.gauge('weft.work.pending', {
        description: 'Work of the service that has not ended, such as sagas',
      });
      for (const { name } of consumers.values()) {
        redeliveries.add(0, consumerLabels(name));
        for (const outcome of ['handled', 'failed'] as const) deliveries.add(0, outcomeLabels(name, outcome));
      }
      const look = async () => {
        let [behind, dead] = [0, 0];
        for (const consumer of consumers.values()) {
          const [ahead, given] = [await consumer.lag(), await bus.countDeadLetters(consumer.name)];
          lag.record(ahead, consumerLabels(consumer.name));
          letters.record(given, consumerLabels(consumer.name));
          behind += ahead;
          dead += given;
        }
        Object.assign(figures, { lag: behind, deadLetters: dead });
        let open = 0;
        for (const worker of workers) open += (await worker.pending?.()) ?? 0;
        figures.pending = open;
        work.record(open);
      };
      return periodic(
        LOOK_EVERY_MS,
        () => looking.run(look),
        (err) => logger.debug({ err }, 'consumers not measured'),
      );
    },
    stop() {
      meter.removeBatchObservableCallback(observe, observed);
      for (const one of measured) one.stop();
    },
  };
}

function outboxGauges(measuring: Measurement) {
  const backlog = measuring.gauge('weft.outbox.backlog', {
    description: 'Committed events that are not on the bus yet',
  });
  const age = measuring.gauge('weft.outbox.age', { unit: 's', description: 'Age of the oldest of them' });
  return {
    record(count: number, seconds: number) {
      backlog.record(count);
      age.record(seconds);
      measuring.done();
    },
  };
}

function observeHealth(meter: Meter, of: Attributes, health: () => HealthState): void {
  const up = meter.createObservableGauge('weft.dependency.up', {
    description: 'Whether a dependency of a service can do its work, as /readyz says',
  });
  const ready = meter.createObservableGauge('weft.service.ready', { description: 'Whether a service is ready' });
  meter.addBatchObservableCallback(
    (result) => {
      const { serving, dependencies } = health();
      result.observe(ready, serving ? 1 : 0, of);
      for (const [dependency, state] of Object.entries(dependencies))
        result.observe(up, state === 'ok' ? 1 : 0, { ...of, dependency });
    },
    [up, ready],
  );
}
