import { status } from '@grpc/grpc-js';
import { type Attributes, SpanKind } from '@opentelemetry/api';
import type { NotedSpan, SpanContent, Tracing } from '../telemetry/index.ts';
import type { MethodContract } from './contract.ts';
import { isFault, wantedFor } from './errors.ts';
import type { EndedCall, Observer } from './observation.ts';

/** Fields of requests by which a span is found. Each is an id, and none is one that its contract redacts. */
const IDS = { order_id: 'weft.order.id', saga_id: 'weft.saga.id' } as const;
// Of a request that is refused they may be any text: only what ids of ours look like is taken.
const ID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
const REASON = /^[A-Z][A-Z_]{0,63}$/;

interface Notes {
  readonly note: (call: EndedCall) => string;
  readonly describe: NotedSpan['describe'];
}

/** What is kept of the calls of a method: not their requests, which may be large. */
function notesOf(method: MethodContract, kind: SpanKind): Notes {
  const ids = method.input.fields
    .filter(({ name, proto }) => name in IDS && !proto.options?.debugRedact)
    .map(({ name, localName }) => ({ property: localName, attribute: IDS[name as keyof typeof IDS] }));
  const idIn = (request: object | undefined, property: string): string => {
    const id = (request as Readonly<Record<string, unknown>> | undefined)?.[property];
    return typeof id === 'string' && ID.test(id) ? id : '';
  };
  return {
    note({ outcome, context, request }) {
      // Those of strangers may be any text.
      const reason = outcome && (REASON.test(outcome.reason) ? outcome.reason : 'UNKNOWN');
      let note = `${context.correlationId} ${outcome?.code ?? status.OK} ${reason ?? ''}`;
      for (const { property } of ids) note += ` ${idIn(request, property)}`;
      return context.spanAttributes ? `${note} ${JSON.stringify(context.spanAttributes)}` : note;
    },
    describe(note): SpanContent {
      const inherited = note.indexOf('{');
      const [correlationId = '', code = '', reason = '', ...found] = note
        .slice(0, inherited < 0 ? undefined : inherited)
        .split(' ');
      const attributes: Attributes = {
        ...(inherited < 0 ? {} : (JSON.parse(note.slice(inherited)) as Attributes)),
        'rpc.system.name': 'grpc',
        'rpc.method': method.name,
        'rpc.response.status_code': status[Number(code)] ?? 'UNKNOWN',
        'weft.correlation_id': correlationId,
      };
      if (reason !== '') attributes['error.type'] = reason;
      for (const [index, { attribute }] of ids.entries()) if (found[index]) attributes[attribute] = found[index];
      // A refusal is an error to who called, and none of who refuses.
      const failed = kind === SpanKind.CLIENT ? reason !== '' : isFault(Number(code));
      return { name: method.name, kind, attributes, ...(failed && { error: reason }) };
    },
  };
}

/** A span a call, made when it has ended; of one that failed or was slow the whole trace is wanted. Source: OpenTelemetry RPC semantic conventions. */
export function callSpans(tracing: Tracing): Observer {
  const notesAs = (kind: SpanKind) => {
    const known = new Map<MethodContract, Notes>();
    const add = (method: MethodContract): Notes => {
      const made = notesOf(method, kind);
      known.set(method, made);
      return made;
    };
    return (method: MethodContract): Notes => known.get(method) ?? add(method);
  };
  const sides = { server: notesAs(SpanKind.SERVER), client: notesAs(SpanKind.CLIENT) };
  return (call) => {
    const { side, method, startTime, duration, context, outcome } = call;
    if (outcome) tracing.want(context.trace, wantedFor(outcome.code));
    else if (duration >= tracing.slowAfter && !method.stream) tracing.want(context.trace, 'failure');
    const notes = sides[side](method);
    const endTime = startTime + duration;
    tracing.offer({ context: context.trace, startTime, endTime, note: notes.note(call), describe: notes.describe });
  };
}
