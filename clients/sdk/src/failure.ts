import { durationMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '@weft/gen/es/google/rpc/error_details_pb';

/** A field of a request that breaks a rule. */
export interface FieldViolation {
  /** Path in the request, for example `lines[0].quantity`. */
  readonly field: string;
  readonly rule: string;
  readonly description: string;
}

/** Why a call was not done. Decide by `reason`, which is stable; show `message`. */
export class WeftError extends Error {
  override readonly name = 'WeftError';
  readonly code: Code;
  /** Of the contract, for example `OUT_OF_STOCK`; the code's name where the refusal has none. */
  readonly reason: string;
  /** What goes with the reason, for example the version that there is. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The fields that break a rule. */
  readonly fields: readonly FieldViolation[];
  /** Milliseconds after which another try makes sense, where the server says so. */
  readonly retryAfter: number | undefined;
  /** By which the call is found in the server's logs. */
  readonly correlationId: string | undefined;

  constructor(error: ConnectError) {
    super(error.rawMessage, { cause: error });
    const [info] = error.findDetails(ErrorInfoSchema);
    this.code = isUnreachable(error) ? Code.Unavailable : error.code;
    this.reason = info?.reason || nameOf(this.code);
    this.metadata = info?.metadata ?? {};
    this.fields = error
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations)
      .map(({ field, reason, description }) => ({ field, rule: reason, description }));
    this.retryAfter = retryAfterOf(error);
    this.correlationId = error.metadata.get('x-correlation-id') ?? undefined;
  }
}

/** Whatever a call throws, as a WeftError. */
export function failureOf(error: unknown): WeftError {
  return error instanceof WeftError ? error : new WeftError(ConnectError.from(error));
}

/** `fetch` tells of a server that it cannot reach by a TypeError, each browser in words of its own. */
function isUnreachable({ code, cause }: ConnectError): boolean {
  if (code === Code.Unavailable) return true;
  const { name, message } = (cause ?? {}) as Partial<Error>;
  return name === 'TypeError' && /fetch|network|load failed/i.test(message ?? '');
}

function retryAfterOf(error: ConnectError): number | undefined {
  const [delay] = error.findDetails(RetryInfoSchema).map(({ retryDelay }) => retryDelay);
  if (delay) return durationMs(delay);
  const said = Number(error.metadata.get('retry-after') ?? Number.NaN);
  return said >= 0 ? said * 1000 : undefined;
}

const nameOf = (code: Code): string => (Code[code] ?? 'Unknown').replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
