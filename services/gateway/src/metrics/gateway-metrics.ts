import type { EndedCall } from '@weft/kit/rpc';
import { LOOKUPS, type Lookup } from '../cache/lookup.ts';
import { LATER_REASONS, Later, type LaterReason } from '../edge/failure.ts';
import type { EdgeMethod } from '../edge/methods.ts';
import type { BreakerState } from '../resilience/breaker.ts';
import type { Upstream } from '../resilience/upstream.ts';
import { type Labels, type Meter, Tally } from './tally.ts';

const STATES: readonly BreakerState[] = ['closed', 'half-open', 'open'];

/** What the gateway tells of itself besides its calls. Labels are names from the code and the contracts. */
export function gatewayMetrics(meter: Meter) {
  const rejections = new Tally<LaterReason>(
    meter,
    'weft.limit.rejections',
    'Calls that a limit of the gateway refused, by its reason',
    LATER_REASONS,
    (reason) => ({ reason }),
  );
  return {
    /** Gives what is told of each lookup of a copy. */
    lookups(methods: Iterable<EdgeMethod>): (method: string, outcome: Lookup) => void {
      const names = [...methods].filter(({ contract }) => contract.cacheable).map(({ contract }) => contract.name);
      const keys = names.flatMap((name) => LOOKUPS.map((outcome) => `${name} ${outcome}`));
      const tally = new Tally<string>(
        meter,
        'weft.cache.lookups',
        'Calls that a copy could have answered, by what became of it',
        keys,
        (key) => {
          const [method = '', outcome = ''] = key.split(' ');
          return { 'rpc.method': method, outcome };
        },
      );
      return (method, outcome) => tally.count(`${method} ${outcome}`);
    },
    /** Looks on at calls. */
    observe({ error }: Pick<EndedCall, 'error'>): void {
      if (error instanceof Later) rejections.count(error.reason);
    },
    /** Has breakers and bulkheads observed, by service. */
    observeUpstreams(services: readonly string[], upstream: (service: string) => Upstream): void {
      const breakers = meter.createObservableGauge('weft.breaker.state', {
        description: 'Of the states of the breaker before a service, 1 for that which it is in',
      });
      const calls = meter.createObservableGauge('weft.bulkhead.calls', {
        description: 'Calls to a service that run, and that wait for room',
      });
      const watched = services.map((service) => {
        const of = (state: string): Labels => ({ upstream: service, state });
        const states = STATES.map((state) => ({ state, labels: of(state) }));
        return { ...upstream(service), states, running: of('running'), waiting: of('waiting') };
      });
      meter.addBatchObservableCallback(
        (result) => {
          for (const { breaker, bulkhead, states, running, waiting } of watched) {
            const now = breaker.state;
            for (const { state, labels } of states) result.observe(breakers, state === now ? 1 : 0, labels);
            result.observe(calls, bulkhead.running, running);
            result.observe(calls, bulkhead.waiting, waiting);
          }
        },
        [breakers, calls],
      );
    },
    /** Has that observed by which calls are shed. */
    observeDelay(delay: () => number): void {
      meter
        .createObservableGauge('weft.shedding.delay', {
          unit: 's',
          description: 'Mean delay of the event loop lately, by which the gateway sheds calls',
        })
        .addCallback((result) => result.observe(delay() / 1000));
    },
  };
}
