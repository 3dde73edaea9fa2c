import { status } from '@grpc/grpc-js';
import { type Attributes, SpanKind } from '@opentelemetry/api';
import type { FinishedSpan, SpanSource, TraceContext, Tracing } from '../telemetry/index.ts';
import type { MethodContract } from './contract.ts';
import type { EndedCall, Observer } from './observation.ts';

/** Fields of requests by which a span is found. Each is an id, and none is one that its contract redacts. */
const IDS = { order_id: 'weft.order.id', saga_id: 'weft.saga.id' } as const;

interface IdField {
  readonly property: string;
  readonly attribute: string;
}

const idFields = new WeakMap<MethodContract, readonly IdField[]>();

function idFieldsOf(method: MethodContract): readonly IdField[] {
  const known = idFields.get(method);
  if (known) return known;
  const found = method.input.fields
    .filter(({ name, proto }) => name in IDS && !proto.options?.debugRedact)
    .map(({ name, localName }) => ({ property: localName, attribute: IDS[name as keyof typeof IDS] }));
  idFields.set(method, found);
  return found;
}

/** What is kept of a call that is not sampled: not its request, which may be large. */
class CallSpan implements SpanSource {
  readonly context: TraceContext;
  readonly #side: EndedCall['side'];
  readonly #method: MethodContract;
  readonly #startTime: number;
  readonly #duration: number;
  readonly #code: status;
  readonly #reason: string | undefined;
  readonly #correlationId: string;
  readonly #inherited: Attributes | undefined;
  readonly #ids: readonly unknown[] | undefined;

  constructor({ side, method, context, startTime, duration, outcome, request }: EndedCall) {
    this.context = context.trace;
    this.#side = side;
    this.#method = method;
    this.#startTime = startTime;
    this.#duration = duration;
    this.#code = outcome?.code ?? status.OK;
    this.#reason = outcome?.reason;
    this.#correlationId = context.correlationId;
    this.#inherited = context.spanAttributes;
    const fields = idFieldsOf(method);
    if (fields.length > 0 && request)
      this.#ids = fields.map(({ property }) => (request as Record<string, unknown>)[property]);
  }

  span(): FinishedSpan {
    const code = status[this.#code] ?? 'UNKNOWN';
    const attributes: Attributes = {
      ...this.#inherited,
      'rpc.system.name': 'grpc',
      'rpc.method': this.#method.name,
      'rpc.response.status_code': code,
      'weft.correlation_id': this.#correlationId,
    };
    if (this.#reason !== undefined) attributes['error.type'] = this.#reason;
    for (const [index, { attribute }] of idFieldsOf(this.#method).entries()) {
      const id = this.#ids?.[index];
      if (typeof id === 'string' && id !== '') attributes[attribute] = id.slice(0, 64);
    }
    return {
      name: this.#method.name,
      kind: this.#side === 'server' ? SpanKind.SERVER : SpanKind.CLIENT,
      context: this.context,
      startTime: this.#startTime,
      endTime: this.#startTime + this.#duration,
      attributes,
      ...(this.#reason !== undefined && { error: this.#reason }),
    };
  }
}

/** A span a call, made when it has ended. Source: OpenTelemetry RPC semantic conventions. */
export function callSpans(tracing: Tracing): Observer {
  return (call) => tracing.offer(new CallSpan(call));
}
