import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Meter, MeterProvider as Meters } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { within } from '../time/index.ts';
import { EXPORT_TIMEOUT_MS, LAST_MS } from './export-limits.ts';
import { type BoundHistogram, type HistogramOptions, Histograms } from './histograms.ts';
import { observeProcess } from './process-metrics.ts';
import { scrapeHandler } from './scrape.ts';

export interface Metrics {
  readonly meter: Meter;
  /** For what has a meter of its own. */
  readonly meters: Meters;
  /** For what is recorded with every call. */
  histogram(name: string, options: HistogramOptions): BoundHistogram;
  /** Answers a Prometheus scrape. */
  scrape(request: IncomingMessage, response: ServerResponse): Promise<void>;
  stop(): Promise<void>;
}

/** A collector that takes metrics by OTLP over HTTP. */
export interface MetricsPush {
  /** Name of the process. */
  readonly service: string;
  /** Where it takes metrics: a URL that ends in /v1/metrics as a rule. */
  readonly url: string;
  /** Milliseconds. */
  readonly every: number;
}

const SCOPE = '@weft/kit';
/** As Prometheus does it in k8s/observability. */
const SCRAPE_EVERY_MS = 15_000;

/** Prometheus puts units that it is sent behind the names, and none that it scrapes: what asks for one name would miss the other. */
class NamedAsScraped extends OTLPMetricExporter {
  override export(...[metrics, done]: Parameters<OTLPMetricExporter['export']>): void {
    const scopeMetrics = metrics.scopeMetrics.map((scope) => ({
      ...scope,
      metrics: scope.metrics.map((one) => ({ ...one, descriptor: { ...one.descriptor, unit: '' } })),
    }));
    super.export({ ...metrics, scopeMetrics }, done);
  }
}

/** The process's metrics, kept for a Prometheus scrape, and sent to a collector where there is one. */
export function createMetrics(version: string, push?: MetricsPush): Metrics {
  const histograms = new Histograms(SCOPE, version);
  const metricProducers = [histograms];
  const exporter = new PrometheusExporter({ preventServerStart: true, metricProducers });
  const sender =
    push &&
    new PeriodicExportingMetricReader({
      exporter: new NamedAsScraped({ url: push.url, timeoutMillis: EXPORT_TIMEOUT_MS }),
      exportIntervalMillis: push.every,
      exportTimeoutMillis: Math.min(push.every, EXPORT_TIMEOUT_MS),
      metricProducers,
    });
  const provider = new MeterProvider({
    resource: resourceFromAttributes({
      'service.namespace': 'weft',
      'service.version': version,
      ...(push && { 'service.name': push.service, 'service.instance.id': randomUUID() }),
    }),
    readers: [exporter, ...(sender ? [sender] : [])],
  });
  const meter = provider.getMeter(SCOPE, version);
  const ended = observeProcess(meter, Math.max(SCRAPE_EVERY_MS, push?.every ?? 0));
  return {
    meter,
    meters: provider,
    histogram: (name, options) => histograms.histogram(name, options),
    scrape: scrapeHandler(exporter),
    stop: async () => {
      ended();
      await within(LAST_MS, provider.shutdown(), () => undefined);
    },
  };
}
