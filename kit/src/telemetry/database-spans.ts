import { type Attributes, SpanKind } from '@opentelemetry/api';
import { serverAttributes } from './server-attributes.ts';
import type { NotedSpan, SpanContent } from './spans.ts';
import { summaryOf } from './statement-summary.ts';
import { childOf, type TraceContext } from './trace-context.ts';
import type { Tracing } from './traces.ts';

/** Of the work that asks: its span, and what all spans of it have. */
export interface SpanWork {
  readonly trace: TraceContext;
  readonly correlationId: string;
  readonly spanAttributes?: Readonly<Record<string, string>> | undefined;
}

/** Spans of what a service asks of its database, and of what it publishes with a commit. Of traces that are not recorded notes are kept. */
export interface DatabaseSpans {
  /** Is called when it has ended. Texts are those of statements, without their values; the error is a code or a name. */
  queried(work: SpanWork, texts: readonly string[], startTime: number, durationMs: number, error?: string): void;
  /** The span that an event is published by. Told when the transaction has committed. */
  published(event: PublishedEvent, work: SpanWork, startTime: number): void;
  records(trace: TraceContext): boolean;
}

export interface PublishedEvent {
  readonly id: string;
  readonly type: string;
  readonly key: string;
}

const MOST_SUMMARY = 255;
const SQLSTATE = /^[\dA-Z]{5}$/;

/** @param url of the database. Source: OpenTelemetry database and messaging semantic conventions. */
export function databaseSpans(tracing: Tracing, database: string, url: string): DatabaseSpans {
  const server = serverAttributes(addressIn(url));
  const query = ([summary = '', error = '']: string[]): SpanContent => ({
    name: summary,
    kind: SpanKind.CLIENT,
    attributes: {
      ...server,
      'db.system.name': 'postgresql',
      'db.namespace': database,
      'db.query.summary': summary,
      ...(error !== '' && { 'error.type': error }),
      ...(SQLSTATE.test(error) && { 'db.response.status_code': error }),
    },
    ...(error !== '' && { error }),
  });
  const sending = ([type = '', id = '', key = '']: string[]): SpanContent => ({
    name: `send ${type}`,
    kind: SpanKind.PRODUCER,
    attributes: {
      'messaging.system': 'weft',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': type,
      'messaging.message.id': id,
      'cloudevents.event_subject': key,
    },
  });
  const offer = (
    { correlationId, spanAttributes }: SpanWork,
    span: Pick<NotedSpan, 'context' | 'startTime' | 'endTime' | 'describe'>,
    fields: string,
  ) => {
    const inherited = spanAttributes ? JSON.stringify(spanAttributes) : '';
    tracing.offer({ ...span, note: `${correlationId}\n${inherited}\n${fields}`, part: true });
  };
  const [describeQuery, describeSending] = [query, sending].map(described) as [Describe, Describe];
  return {
    records: (trace) => tracing.records(trace),
    queried(work, texts, startTime, durationMs, error = '') {
      const [only] = texts;
      const all = texts.length === 1 ? summaryOf(only as string) : texts.map(summaryOf).join('; ');
      const summary = all.slice(0, MOST_SUMMARY) || 'COMMIT';
      const endTime = startTime + durationMs;
      offer(
        work,
        { context: childOf(work.trace), startTime, endTime, describe: describeQuery },
        `${summary}\n${error}`,
      );
    },
    published({ id, type, key }, work, startTime) {
      const span = { context: work.trace, startTime, endTime: Date.now(), describe: describeSending };
      offer(work, span, `${type}\n${id}\n${key}`);
    },
  };
}

/** A folder is that of a Unix socket, and then stands for all of the address. */
function addressIn(url: string): string {
  const { host, searchParams } = new URL(url);
  const instead = searchParams.get('host');
  return instead?.startsWith('/') ? `unix:${instead}` : (instead ?? host) || 'localhost';
}

type Describe = NotedSpan['describe'];

/** Of a note: the correlation id, what the work hands down, and then fields that the content is made of, a line each. */
function described(content: (fields: string[]) => SpanContent): Describe {
  return (note) => {
    const [correlationId = '', inherited = '', ...fields] = note.split('\n');
    const own = content(fields);
    const handedDown = inherited === '' ? {} : (JSON.parse(inherited) as Attributes);
    return { ...own, attributes: { ...own.attributes, ...handedDown, 'weft.correlation_id': correlationId } };
  };
}
