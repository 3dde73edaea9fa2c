import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { observeProcess } from './process-metrics.ts';

export interface Metrics {
  readonly meter: Meter;
  /** Answers a Prometheus scrape. */
  scrape(request: IncomingMessage, response: ServerResponse): void;
  stop(): Promise<void>;
}

/** The process's metrics, kept for a Prometheus scrape. */
export function createMetrics(version: string): Metrics {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.namespace': 'weft', 'service.version': version }),
    readers: [exporter],
  });
  const meter = provider.getMeter('@weft/kit', version);
  const ended = observeProcess(meter);
  return {
    meter,
    scrape: (request, response) => exporter.getMetricsRequestHandler(request, response),
    stop: async () => {
      ended();
      await provider.shutdown();
    },
  };
}
