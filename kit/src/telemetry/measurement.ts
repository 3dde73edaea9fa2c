import type { Attributes, Meter, MetricOptions } from '@opentelemetry/api';

export interface MeasuredGauge {
  /** @param attributes besides the service's name */
  record(value: number, attributes?: Attributes): void;
}

/** Gauges that are measured now and then, together. */
export interface Measurement {
  gauge(name: string, options?: MetricOptions): MeasuredGauge;
  /** Does the measuring; what it throws is thrown. */
  run(measure: () => Promise<void>): Promise<void>;
  /** What has been recorded since the last time was measured now, for who measures elsewhere. */
  done(): void;
  stop(): void;
}

/** Several looks may fail before a value is not believed any more. */
const TOLD_MS = 60_000;

/**
 * What a service measures every few seconds, such as what a table holds. A value that has not been measured for a minute is told as
 * NaN: a gap is seen, a number that has stopped is not. `weft.measurement.age` tells since when nothing has been measured.
 *
 * @param what name of the measurement among those of its service
 * @param now milliseconds of a clock that only goes on
 */
export function measurement(
  meter: Meter,
  service: string,
  what: string,
  now: () => number = () => performance.now(),
): Measurement {
  const stops: (() => void)[] = [];
  let measured = Number.NEGATIVE_INFINITY;
  const begun = now();
  const age = meter.createObservableGauge('weft.measurement.age', {
    unit: 's',
    description: 'Since when what a service measures every few seconds has not been measured',
  });
  const of = { 'service.name': service };
  const labels = { ...of, measurement: what };
  const tellAge: Parameters<typeof age.addCallback>[0] = (result) =>
    result.observe((now() - Math.max(begun, measured)) / 1000, labels);
  age.addCallback(tellAge);
  stops.push(() => age.removeCallback(tellAge));
  const done = () => {
    measured = now();
  };
  return {
    gauge(name, options) {
      const values = new Map<string, { readonly value: number; readonly attributes: Attributes }>();
      const gauge = meter.createObservableGauge(name, options);
      const tell: Parameters<typeof gauge.addCallback>[0] = (result) => {
        // The SDK repeats the last value of what is not observed.
        const known = now() - measured <= TOLD_MS;
        for (const { value, attributes } of values.values()) result.observe(known ? value : Number.NaN, attributes);
      };
      gauge.addCallback(tell);
      stops.push(() => gauge.removeCallback(tell));
      return {
        record(value, attributes = {}) {
          values.set(JSON.stringify(attributes), { value, attributes: { ...of, ...attributes } });
        },
      };
    },
    async run(measure) {
      await measure();
      done();
    },
    done,
    stop() {
      for (const stop of stops) stop();
    },
  };
}
