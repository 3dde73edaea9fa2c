import { type DescField, type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { method as methodPolicy, Role } from '@weft/gen/es/weft/policy/v1/policy_pb';

/** What a client has to know of a method. */
export interface MethodContract {
  /** Milliseconds; undefined for streams. */
  readonly timeout: number | undefined;
  /** It may be tried again when it is not known whether it was done. */
  readonly retryable: boolean;
  /** Anybody may call it: it is sent without a token. */
  readonly open: boolean;
  readonly idempotencyKey: DescField | undefined;
}

const known = new WeakMap<DescMethod, MethodContract>();

/** Reads a method's options, once. */
export function contractOf(method: DescMethod): MethodContract {
  const found = known.get(method) ?? read(method);
  known.set(method, found);
  return found;
}

function read(method: DescMethod): MethodContract {
  const policy = hasOption(method, methodPolicy) ? getOption(method, methodPolicy) : undefined;
  const { timeout, roles = [] } = policy ?? {};
  return {
    timeout: timeout && Number(timeout.seconds) * 1000 + timeout.nanos / 1e6,
    retryable: method.idempotency !== IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
    open: roles.includes(Role.PUBLIC),
    idempotencyKey: method.input.fields.find(({ name }) => name === 'idempotency_key'),
  };
}
