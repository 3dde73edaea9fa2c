import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
  getOption,
  hasOption,
} from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { field as fieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import {
  type CachePolicy,
  type MethodPolicy,
  method as methodPolicy,
  type RateLimit,
  Role,
} from '@weft/gen/es/weft/policy/v1/policy_pb';

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
  /** How often one user may call within a window; undefined where the contract leaves it to the edge. */
  readonly rateLimit: { readonly calls: number; readonly window: number } | undefined;
  /** What the edge may do with a copy of the answer; undefined where it may keep none. */
  readonly cacheable: CacheContract | undefined;
}

export interface CacheContract {
  /** A copy stands in for so long while the service does not answer. */
  readonly stale: number;
  /** A copy is given for so long without asking; 0 for never. */
  readonly fresh: number;
  /** Local name of the request's field that names the aggregate; empty where there is none. */
  readonly key: string;
  /** Its ids are UUIDs, the same in whatever case they are written. */
  readonly keyIsUuid: boolean;
  /** Types of the events of that aggregate that end a copy. */
  readonly endedBy: readonly string[];
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
    rateLimit: policy.rateLimit && rateLimit(policy.rateLimit, name),
    cacheable: policy.cacheable && cacheable(policy.cacheable, method, name),
  });
}

function rateLimit({ calls, window }: RateLimit, name: string) {
  if (calls < 1) throw new Error(`${name}: rate_limit.calls is not set`);
  return { calls, window: required(window, `${name}: rate_limit.window`) };
}

function cacheable(policy: CachePolicy, method: DescMethod, name: string): CacheContract {
  if (method.idempotency !== IdempotencyLevel.NO_SIDE_EFFECTS)
    throw new Error(`${name}: only a method with NO_SIDE_EFFECTS is cacheable`);
  const field = method.input.fields.find((one) => one.name === policy.key);
  if (policy.key !== '' && !field) throw new Error(`${name}: its request has no field ${policy.key}`);
  if (policy.fresh && !field) throw new Error(`${name}: what is fresh without asking needs a key`);
  return {
    stale: required(policy.stale, `${name}: cacheable.stale`),
    fresh: policy.fresh ? required(policy.fresh, `${name}: cacheable.fresh`) : 0,
    key: field?.localName ?? '',
    keyIsUuid: field !== undefined && isUuid(field),
    endedBy: policy.endedBy,
  };
}

function isUuid(field: DescField): boolean {
  const { type } = getOption(field, fieldRules);
  return type.case === 'string' && type.value.wellKnown.case === 'uuid' && type.value.wellKnown.value;
}

function required(duration: { seconds: bigint; nanos: number } | undefined, what: string): number {
  const milliseconds = duration ? Number(duration.seconds) * 1000 + duration.nanos / 1e6 : 0;
  if (!(milliseconds > 0)) throw new Error(`${what} is not set`);
  return milliseconds;
}
