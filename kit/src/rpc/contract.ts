import { type DescMessage, type DescMethod, type DescService, getOption, hasOption } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { type MethodPolicy, method as methodPolicy, Role } from '@weft/gen/es/weft/policy/v1/policy_pb';

export type RoleName = 'public' | 'customer' | 'support' | 'admin';

const ROLE_NAMES: Readonly<Partial<Record<Role, RoleName>>> = {
  [Role.PUBLIC]: 'public',
  [Role.CUSTOMER]: 'customer',
  [Role.SUPPORT]: 'support',
  [Role.ADMIN]: 'admin',
};

/** What a contract promises of one method, read from its options. Times are milliseconds. */
export interface MethodContract {
  /** `weft.orders.v1.OrdersService/PlaceOrder`. */
  readonly name: string;
  readonly input: DescMessage;
  readonly output: DescMessage;
  /** The server's ceiling and the client's default deadline; Infinity for streams. */
  readonly timeout: number;
  readonly stream: { readonly idleTimeout: number; readonly maxAge: number } | undefined;
  readonly callers: ReadonlySet<string>;
  readonly roles: ReadonlySet<RoleName>;
  /** It may be tried again when it is not known whether it was done. */
  readonly retryable: boolean;
  /** It changes nothing. */
  readonly readOnly: boolean;
}

/** Reads the contracts of a service's methods, by their local name. Throws where an option is missing. */
export function methodContracts(service: DescService): Readonly<Record<string, MethodContract>> {
  return Object.fromEntries(service.methods.map((method) => [method.localName, methodContract(service, method)]));
}

function methodContract(service: DescService, method: DescMethod): MethodContract {
  const name = `${service.typeName}/${method.name}`;
  if (!hasOption(method, methodPolicy)) throw new Error(`${name} has no (weft.policy.v1.method) option`);
  const policy: MethodPolicy = getOption(method, methodPolicy);
  const streaming = method.methodKind !== 'unary';
  const timeout = streaming ? Number.POSITIVE_INFINITY : required(policy.timeout, `${name}: timeout`);
  return Object.freeze({
    name,
    input: method.input,
    output: method.output,
    timeout,
    stream: streaming
      ? {
          idleTimeout: required(policy.stream?.idleTimeout, `${name}: stream.idle_timeout`),
          maxAge: required(policy.stream?.maxAge, `${name}: stream.max_age`),
        }
      : undefined,
    callers: new Set(policy.callers),
    roles: new Set(policy.roles.flatMap((role) => ROLE_NAMES[role] ?? [])),
    retryable: method.idempotency !== IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
    readOnly: method.idempotency === IdempotencyLevel.NO_SIDE_EFFECTS,
  });
}

function required(duration: { seconds: bigint; nanos: number } | undefined, what: string): number {
  const milliseconds = duration ? Number(duration.seconds) * 1000 + duration.nanos / 1e6 : 0;
  if (!(milliseconds > 0)) throw new Error(`${what} is not set`);
  return milliseconds;
}
