import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReceivedSpan } from './collector.ts';

const SCHEMA = join(import.meta.dirname, '../../docs/telemetry.json');
interface DocumentedSpan {
  readonly always: Readonly<Record<string, string>>;
  readonly sometimes: Readonly<Record<string, string>>;
}

/** The edges of an order's trace by the style of its saga, and the attributes of each kind of span, as they are documented. */
const { order: documentedEdges, spans: documentedSpans } = (
  JSON.parse(readFileSync(SCHEMA, 'utf8')) as {
    traces: {
      order: Readonly<Record<string, readonly string[]>>;
      spans: Readonly<Record<string, DocumentedSpan>>;
    };
  }
).traces;

export { documentedEdges };

const DOCUMENTED_KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer'];

/** What a span lacks of its documented attributes, and what it has besides; empty where it is as documented. */
export function oddAttributesOf(span: ReceivedSpan): string[] {
  const kind = span.attributes['db.system.name'] ? 'database' : (DOCUMENTED_KINDS[span.kind] ?? '');
  const { always, sometimes } = documentedSpans[kind] as DocumentedSpan;
  const has = Object.keys(span.attributes);
  const missing = Object.keys(always).filter((name) => !has.includes(name));
  const more = has.filter((name) => !(name in always) && !(name in sometimes));
  const told = (what: string) => (name: string) => `${labelOf(span)} ${what} ${name}`;
  return [...missing.map(told('has no')), ...more.map(told('has'))];
}

const KINDS = ['', '', 'serves', 'calls', 'sends', 'handles'];

/** What a span is, with nothing of it that differs from one order to the next. */
export function labelOf({ service, name, kind, attributes }: ReceivedSpan): string {
  if (attributes['db.system.name']) return `${service} asks its database`;
  const what = name.replace(/^(send|process) /, '');
  return [service, KINDS[kind], what].filter(Boolean).join(' ');
}

/** A sidecar's or an ingress's. */
export const isProxy = ({ attributes }: ReceivedSpan): boolean => attributes.component === 'proxy';

/** The trace of an order that is completed. @throws Error where it is not whole: its last span has not come, or a parent. */
export function traceOf(orderId: string, spans: readonly ReceivedSpan[]): ReceivedSpan[] {
  const first = spans.find(({ kind, attributes }) => kind === 4 && attributes['cloudevents.event_subject'] === orderId);
  const trace = spans.filter(({ traceId }) => traceId === first?.traceId);
  const ids = new Set(trace.map(({ spanId }) => spanId));
  const orphans = trace.filter(({ parentSpanId }) => parentSpanId !== '' && !ids.has(parentSpanId));
  const done = trace.some(({ name }) => name === 'process weft.orders.v1.order_completed');
  if (!done || orphans.length > 0)
    throw new Error(`${trace.length} of ${spans.length} spans, without parents: ${orphans.map(labelOf)}`);
  return trace;
}

/** Those that no other of the trace is the parent of. */
export function rootsOf(trace: readonly ReceivedSpan[]): ReceivedSpan[] {
  const ids = new Set(trace.map(({ spanId }) => spanId));
  return trace.filter(({ parentSpanId }) => !ids.has(parentSpanId));
}

/** `parent -> child` of all spans of services, each once, sorted; what proxies have put between them is left out. */
export function edgesOf(trace: readonly ReceivedSpan[]): string[] {
  const byId = new Map(trace.map((span) => [span.spanId, span]));
  const parentOf = (span: ReceivedSpan): ReceivedSpan | undefined => {
    const parent = byId.get(span.parentSpanId);
    return parent && isProxy(parent) ? parentOf(parent) : parent;
  };
  const edges = trace
    .filter((span) => !isProxy(span))
    .flatMap((span) => {
      const parent = parentOf(span);
      return parent ? [`${labelOf(parent)} -> ${labelOf(span)}`] : [];
    });
  return [...new Set(edges)].sort();
}
