import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, gzipSync } from 'node:zlib';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type { MetricReader } from '@opentelemetry/sdk-metrics';

/** Source: Prometheus text exposition format 0.0.4. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const TAKES_GZIP = /\bgzip\b(?!\s*;\s*q=0(?![.\d]*[1-9]))/;

/** Answers scrapes with what a reader collects. Lines name no scope: all of them are the kit's. */
export function scrapeHandler(reader: MetricReader) {
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { resourceMetrics } = await reader.collect();
    const text = serializer.serialize(resourceMetrics);
    response.setHeader('content-type', CONTENT_TYPE);
    response.setHeader('vary', 'accept-encoding');
    if (!TAKES_GZIP.test(String(request.headers['accept-encoding']))) return void response.end(text);
    response.setHeader('content-encoding', 'gzip');
    // At once and as little: what the socket does not take in one piece waits for further turns of a busy event loop.
    response.end(gzipSync(text, { level: constants.Z_BEST_SPEED }));
  };
}
