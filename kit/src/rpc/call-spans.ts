import { status } from '@grpc/grpc-js';
import { type Attributes, SpanKind } from '@opentelemetry/api';
import { type NotedSpan, type SpanContent, serverAttributes, type Tracing } from '../telemetry/index.ts';
import { callIdsOf } from './call-ids.ts';
import type { MethodContract } from './contract.ts';
import { isFault, type Outcome, wantedFor } from './errors.ts';
import type { EndedCall, Observer } from './observation.ts';

// Those of strangers may be any text.
const REASON = /^[A-Z][A-Z_]{0,63}$/;

/** Of a note: code and reason. */
const endOf = ({ code, reason }: Outcome): string => ` ${code} ${REASON.test(reason) ? reason : 'UNKNOWN'} `;
const OK = ` ${status.OK}  `;

interface Notes {
  readonly note: (call: EndedCall) => string;
  readonly describe: NotedSpan['describe'];
}

/** What is kept of the calls of a method: not their requests, which may be large. */
function notesOf(method: MethodContract, kind: SpanKind): Notes {
  const ids = callIdsOf(method);
  return {
    note({ outcome, context, request, response, attributes, target = '' }) {
      let note = context.correlationId + (outcome ? endOf(outcome) : OK) + target;
      for (const id of ids) note += ` ${id.read(request, response)}`;
      const handedDown = attributes ? { ...context.spanAttributes, ...attributes } : context.spanAttributes;
      return handedDown ? `${note} ${JSON.stringify(handedDown)}` : note;
    },
    describe(note): SpanContent {
      const inherited = note.indexOf('{');
      const [correlationId = '', code = '', reason = '', target = '', ...found] = note
        .slice(0, inherited < 0 ? undefined : inherited)
        .split(' ');
      const attributes: Attributes = {
        ...(inherited < 0 ? {} : (JSON.parse(note.slice(inherited)) as Attributes)),
        ...(target !== '' && serverAttributes(target)),
        'rpc.system.name': 'grpc',
        'rpc.method': method.name,
        'rpc.response.status_code': status[Number(code)] ?? 'UNKNOWN',
        'weft.correlation_id': correlationId,
      };
      for (const [index, { attribute }] of ids.entries()) if (found[index]) attributes[attribute] = found[index];
      // A refusal is an error to who called, and none of who refuses.
      const failed = kind === SpanKind.CLIENT ? reason !== '' : isFault(Number(code));
      if (reason !== '') attributes['weft.reason'] = reason;
      if (failed) attributes['error.type'] = status[Number(code)] ?? 'UNKNOWN';
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
