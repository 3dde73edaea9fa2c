import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { type BoundHistogram, type HistogramOptions, Histograms } from './histograms.ts';
import { observeProcess } from './process-metrics.ts';

export interface Metrics {
  readonly meter: Meter;
  /** For what is recorded with every call. */
  histogram(name: string, options: HistogramOptions): BoundHistogram;
  /** Answers a Prometheus scrape. */
  scrape(request: IncomingMessage, response: ServerResponse): void;
  stop(): Promise<void>;
}

const SCOPE = '@weft/kit';

/** The process's metrics, kept for a Prometheus scrape. */
export function createMetrics(version: string): Metrics {
  const histograms = new Histograms(SCOPE, version);
  const exporter = new PrometheusExporter({ preventServerStart: true, metricProducers: [histograms] });
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.namespace': 'weft', 'service.version': version }),
    readers: [exporter],
  });
  const meter = provider.getMeter(SCOPE, version);
  const ended = observeProcess(meter);
  return {
    meter,
    histogram: (name, options) => histograms.histogram(name, options),
    scrape: (request, response) => exporter.getMetricsRequestHandler(request, response),
    stop: async () => {
      ended();
      await provider.shutdown();
    },
  };
}
