import { status } from '@grpc/grpc-js';
import type { WorkContext } from '../context/index.ts';
import { inOnePiece, type Logger, lineWriter, type Metrics } from '../telemetry/index.ts';
import type { MethodContract } from './contract.ts';
import type { Outcome } from './errors.ts';

/** What is known of a call when it has ended. */
export interface EndedCall {
  readonly side: 'server' | 'client';
  readonly method: MethodContract;
  readonly context: WorkContext;
  /** Epoch milliseconds. */
  readonly startTime: number;
  readonly duration: number;
  readonly outcome: Outcome | undefined;
  readonly error?: unknown;
  /** Decoded, where it could be; bytes where who calls keeps messages encoded. The same of the response. */
  readonly request?: object | undefined;
  readonly response?: object | undefined;
  /** What else its span has. */
  readonly attributes?: Readonly<Record<string, string | number>> | undefined;
  /** Of a client's: host:port or a target of grpc-js. */
  readonly target?: string | undefined;
  readonly callerService?: string | undefined;
  readonly userId?: string | undefined;
}

export type Observer = (call: EndedCall) => void;

/** Tells all of them of a call; what looks on does not change how it ends. */
export function tell(observers: readonly Observer[], call: EndedCall): void {
  for (const observe of observers) {
    try {
      observe(call);
    } catch {
      // It has nobody to tell.
    }
  }
}

const codeName = (call: EndedCall): string => status[call.outcome?.code ?? status.OK] ?? 'UNKNOWN';

/** What is made once for all calls of a method that end with the same code. */
function byMethodAndCode<T>(make: (method: MethodContract, code: string) => T): (call: EndedCall) => T {
  const known = new Map<MethodContract, Map<string, T>>();
  const add = (method: MethodContract, code: string): T => {
    const made = make(method, code);
    known.set(method, (known.get(method) ?? new Map<string, T>()).set(code, made));
    return made;
  };
  return (call) => {
    const code = codeName(call);
    return known.get(call.method)?.get(code) ?? add(call.method, code);
  };
}

/** One line a call. It names who called what and how it ended, and never holds a field of the request. */
export function accessLog(logger: Logger): Observer {
  const write = lineWriter(logger, 'call');
  // Names and ids of ours need no escaping.
  const beginOf = byMethodAndCode((method, code) => inOnePiece(`"method":"${method.name}","code":"${code}","ms":`));
  return (call) => {
    const { outcome, method, duration, callerService, userId, context } = call;
    const ms = Math.round(duration * 100) / 100;
    const { correlationId } = context;
    const { traceId } = context.trace;
    if (outcome?.unexpected) {
      const { reason } = outcome;
      const who = { caller: callerService, user: userId, correlationId, traceId };
      logger.error({ method: method.name, code: codeName(call), ms, reason, ...who, err: call.error }, 'call failed');
    } else if (logger.isLevelEnabled('info')) {
      let fields = `${beginOf(call)}${ms}`;
      if (outcome) fields += `,"reason":${JSON.stringify(outcome.reason)}`;
      if (callerService !== undefined) fields += `,"caller":"${callerService}"`;
      if (userId !== undefined) fields += `,"user":${JSON.stringify(userId)}`;
      write(`${fields},"correlationId":"${correlationId}","traceId":"${traceId}"`);
    }
  };
}

const BOUNDARIES = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Rate, errors and duration by method, code and version, of the service that serves or calls: who passes calls on serves them as
 * well. Source: OpenTelemetry RPC semantic conventions.
 */
export function callMetrics(metrics: Pick<Metrics, 'histogram'>, service: string, version: string): Observer {
  const seriesOf = (side: EndedCall['side']) => {
    const description = `Calls as the ${side} saw them`;
    const durations = metrics.histogram(`rpc.${side}.call.duration`, {
      unit: 's',
      description,
      boundaries: BOUNDARIES,
    });
    return byMethodAndCode((method, code) =>
      durations.series({
        'rpc.system.name': 'grpc',
        'rpc.method': method.name,
        'rpc.response.status_code': code,
        'service.name': service,
        'service.version': version,
      }),
    );
  };
  const sides = { server: seriesOf('server'), client: seriesOf('client') };
  return (call) => sides[call.side](call).record(call.duration / 1000);
}
