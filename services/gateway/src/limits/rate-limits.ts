import type { MethodContract } from '@weft/kit/rpc';
import type { Redis } from 'ioredis';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { Later } from '../edge/failure.ts';

/** Calls within a window; seconds. */
export interface Limit {
  readonly calls: number;
  readonly window: number;
}

/** What is left of a limit. */
export interface LimitState extends Limit {
  readonly remaining: number;
  /** Seconds until the window ends. */
  readonly reset: number;
}

export interface RateLimitOptions {
  /** Of methods whose contract names none. */
  readonly standard: Limit;
  /** By name of the method, before what its contract says. */
  readonly overrides: ReadonlyMap<string, Limit>;
  readonly redis: Redis | undefined;
}

/** Over its limit. */
export class Limited extends Later {
  readonly limit: LimitState;

  constructor(limit: LimitState) {
    const rule = `${limit.calls} calls in ${limit.window} s`;
    super('resource-exhausted', 'RATE_LIMITED', `this method allows ${rule}`, limit.reset);
    this.limit = limit;
  }
}

/**
 * Fixed windows a method and caller, counted in Redis for all gateways together; in memory where there is none, or it is away.
 */
export function createRateLimits({ standard, overrides, redis }: RateLimitOptions) {
  const limiters = new Map<string, { readonly limit: Limit; readonly limiter: RateLimiterAbstract }>();

  function limiterOf(method: MethodContract) {
    const known = limiters.get(method.name);
    if (known) return known;
    const limit = overrides.get(method.name) ?? fromContract(method) ?? standard;
    const options = { points: limit.calls, duration: limit.window, keyPrefix: `limit:${method.name}` };
    const memory = new RateLimiterMemory(options);
    const limiter = redis ? new RateLimiterRedis({ ...options, storeClient: redis, insuranceLimiter: memory }) : memory;
    const made = { limit, limiter };
    limiters.set(method.name, made);
    return made;
  }

  /** Counts a call. @throws Limited */
  return async (method: MethodContract, caller: string): Promise<LimitState> => {
    const { limit, limiter } = limiterOf(method);
    try {
      return stateOf(limit, await limiter.consume(caller));
    } catch (refused) {
      if (refused instanceof RateLimiterRes) throw new Limited(stateOf(limit, refused));
      throw refused;
    }
  };
}

export type RateLimits = ReturnType<typeof createRateLimits>;

function fromContract({ rateLimit }: MethodContract): Limit | undefined {
  return rateLimit && { calls: rateLimit.calls, window: rateLimit.window / 1000 };
}

function stateOf(limit: Limit, { remainingPoints, msBeforeNext }: RateLimiterRes): LimitState {
  return { ...limit, remaining: Math.max(0, remainingPoints), reset: Math.max(1, Math.ceil(msBeforeNext / 1000)) };
}

/** Source: draft-ietf-httpapi-ratelimit-headers-10. */
export function rateLimitHeaders({ calls, window, remaining, reset }: LimitState): Record<string, string> {
  return { 'ratelimit-policy': `"method";q=${calls};w=${window}`, ratelimit: `"method";r=${remaining};t=${reset}` };
}
