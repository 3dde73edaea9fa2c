import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import type { Attributes, Meter } from '@opentelemetry/api';
import { countInbound, countOutbound } from './connections.ts';
import { observeEventLoop } from './event-loop.ts';

const LATE_LOOK_MS = 5_000;
const GC_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

/**
 * What the process itself is doing: its event loop, its collections, its memory, its sockets. Source: OpenTelemetry Node.js and V8
 * runtime semantic conventions. Who looks as often as each `lookMs` misses no peak of the event loop. Gives what ends the observation.
 */
export function observeProcess(meter: Meter, lookMs: number): () => void {
  const eventLoop = observeEventLoop(lookMs + LATE_LOOK_MS);
  const seconds = { unit: 's' };
  const p50 = meter.createObservableGauge('nodejs.eventloop.delay.p50', seconds);
  const p99 = meter.createObservableGauge('nodejs.eventloop.delay.p99', seconds);
  const max = meter.createObservableGauge('nodejs.eventloop.delay.max', seconds);
  const utilization = meter.createObservableGauge('nodejs.eventloop.utilization', {
    description: 'Share of the time in which the event loop was busy',
  });
  const memory = meter.createObservableGauge('process.memory.usage', { unit: 'By' });
  const heap = meter.createObservableGauge('v8js.memory.heap.used', { unit: 'By' });
  const cpu = meter.createObservableCounter('process.cpu.time', { unit: 's' });
  const sockets = meter.createObservableGauge('weft.process.connections', {
    description:
      'Open connections, over TCP or Unix sockets: inbound of callers, outbound to other services, the database and the bus',
  });
  const inbound = countInbound();
  const outbound = countOutbound();
  meter.addBatchObservableCallback(
    (result) => {
      const figures = eventLoop.figures();
      result.observe(p50, figures.p50);
      result.observe(p99, figures.p99);
      result.observe(max, figures.max);
      result.observe(utilization, figures.utilization);
      const { rss, heapUsed } = process.memoryUsage();
      result.observe(memory, rss);
      result.observe(heap, heapUsed);
      const used = process.cpuUsage();
      result.observe(cpu, used.user / 1e6, { 'cpu.mode': 'user' });
      result.observe(cpu, used.system / 1e6, { 'cpu.mode': 'system' });
      result.observe(sockets, inbound.open(), { direction: 'inbound' });
      result.observe(sockets, outbound.open(), { direction: 'outbound' });
    },
    [p50, p99, max, utilization, memory, heap, cpu, sockets],
  );

  const collections = meter.createHistogram('v8js.gc.duration', {
    unit: 's',
    advice: { explicitBucketBoundaries: [0.001, 0.01, 0.1, 1] },
  });
  const kinds = new Map<number, Attributes>(
    Object.entries(GC_KINDS).map(([kind, name]) => [Number(kind), { 'v8js.gc.type': name }]),
  );
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as PerformanceEntry & { readonly detail: { readonly kind: number } }).detail;
      collections.record(entry.duration / 1000, kinds.get(kind));
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => {
    observer.disconnect();
    eventLoop.stop();
    inbound.stop();
    outbound.stop();
  };
}
