import { type Setting, setting } from '@weft/kit/config';
import type { Limit } from './limits/rate-limits.ts';

const LIMIT = /^(\d{1,7})\/(\d{1,6})$/;

function limitFrom(text: string): Limit {
  const [, calls = '', window = ''] = LIMIT.exec(text) ?? [];
  if (!(Number(calls) > 0 && Number(window) > 0)) throw new Error('must be calls/seconds, such as 100/3600');
  return { calls: Number(calls), window: Number(window) };
}

function limits(name: string): Setting<ReadonlyMap<string, Limit>> {
  const parse = (text: string) =>
    new Map(
      text.split(',').map((one) => {
        const [method = '', limit = ''] = one.trim().split('=');
        if (!/^[\w.]+\/\w+$/.test(method)) throw new Error('must be a list of package.Service/Method=calls/seconds');
        return [method, limitFrom(limit)] as const;
      }),
    );
  return { name, parse, fallback: new Map(), secret: false };
}

function origins(name: string): Setting<ReadonlySet<string>> {
  const parse = (text: string) => {
    const list = text.split(',').map((one) => one.trim());
    for (const one of list)
      if (one !== '*' && !(URL.canParse(one) && new URL(one).origin === one))
        throw new Error('must be a list of origins, such as https://shop.example');
    return new Set(list);
  };
  return { name, parse, fallback: new Set(), secret: false };
}

function redisUrl(name: string): Setting<string> {
  const parse = (text: string) => {
    const protocol = URL.canParse(text) ? new URL(text).protocol : '';
    if (protocol !== 'redis:' && protocol !== 'rediss:') throw new Error('must be a URL of redis: or rediss:');
    return text;
  };
  return { name, parse, fallback: '', secret: true };
}

export const settings = {
  httpHost: setting.text('HTTP_HOST', { fallback: '' }),
  httpPort: setting.port('HTTP_PORT', { fallback: 8080 }),
  tlsPort: setting.port('TLS_PORT', { fallback: 8443 }),
  tlsCertFile: setting.text('TLS_CERT_FILE', { fallback: '' }),
  tlsKeyFile: setting.text('TLS_KEY_FILE', { fallback: '' }),
  redisUrl: redisUrl('REDIS_URL'),
  corsOrigins: origins('CORS_ORIGINS'),
  trustedProxies: setting.integer('TRUSTED_PROXIES', { low: 0, high: 10 }, { fallback: 0 }),
  rateLimit: {
    name: 'RATE_LIMIT',
    parse: limitFrom,
    fallback: { calls: 100, window: 3600 },
    secret: false,
  } as Setting<Limit>,
  rateLimits: limits('RATE_LIMITS'),
  maxConnections: setting.integer('MAX_CONNECTIONS', { low: 1, high: 100_000 }, { fallback: 5_000 }),
  maxConnectionsEach: setting.integer('MAX_CONNECTIONS_EACH', { low: 0, high: 100_000 }, { fallback: 0 }),
  headersTimeout: setting.integer('HEADERS_TIMEOUT_MS', { low: 100, high: 60_000 }, { fallback: 10_000 }),
  requestTimeout: setting.integer('REQUEST_TIMEOUT_MS', { low: 100, high: 300_000 }, { fallback: 15_000 }),
  idleTimeout: setting.integer('IDLE_TIMEOUT_MS', { low: 1000, high: 3_600_000 }, { fallback: 65_000 }),
  shedDelay: setting.milliseconds('SHED_DELAY_MS', { fallback: 250 }),
  breakerFailures: setting.integer('BREAKER_FAILURES', { low: 1, high: 1000 }, { fallback: 5 }),
  breakerPause: setting.milliseconds('BREAKER_PAUSE_MS', { fallback: 60_000 }),
  bulkheadCalls: setting.integer('BULKHEAD_CALLS', { low: 1, high: 10_000 }, { fallback: 200 }),
  bulkheadQueue: setting.integer('BULKHEAD_QUEUE', { low: 0, high: 10_000 }, { fallback: 200 }),
  maxStreams: setting.integer('MAX_STREAMS', { low: 1, high: 100_000 }, { fallback: 2_000 }),
  maxStreamsService: setting.integer('MAX_STREAMS_SERVICE', { low: 1, high: 100_000 }, { fallback: 1_000 }),
  maxStreamsEach: setting.integer('MAX_STREAMS_EACH', { low: 1, high: 10_000 }, { fallback: 50 }),
  readWithin: setting.integer('READ_TIMEOUT_MS', { low: 100, high: 600_000 }, { fallback: 30_000 }),
  copies: setting.flag('CACHE', { fallback: true }),
};
