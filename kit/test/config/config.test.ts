import { describe, expect, it } from '@jest/globals';
import { ConfigError, type Environment, loadConfig, loadConfigs, type Settings, setting } from '@weft/kit/config';

const settings = {
  port: setting.port('GRPC_PORT', { fallback: 50051 }),
  databaseUrl: setting.postgresUrl('DATABASE_URL'),
  timeout: setting.milliseconds('STOP_TIMEOUT_MS', { fallback: 4500 }),
  retries: setting.flag('CLIENT_RETRIES', { fallback: true }),
};
const URL = 'postgres://weft:sesame@localhost:5432/weft';

function problemsOf(wanted: Settings, environment: Environment, service = 'orders'): readonly string[] {
  try {
    loadConfig(service, wanted, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('a configuration', () => {
  it('is typed, has its fallbacks, and cannot be changed', () => {
    const config = loadConfig('orders', settings, { DATABASE_URL: URL, CLIENT_RETRIES: 'false' });
    expect(config).toEqual({ port: 50051, databaseUrl: URL, timeout: 4500, retries: false });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('takes a service’s own setting before the common one, and an empty one for none', () => {
    const environment = { DATABASE_URL: URL, GRPC_PORT: '1', ORDERS_GRPC_PORT: '2', USERS_GRPC_PORT: '3' };
    const port = (service: string, more = {}) => loadConfig(service, settings, { ...environment, ...more }).port;
    expect([port('orders'), port('users'), port('catalog')]).toEqual([2, 3, 1]);
    expect(port('orders', { ORDERS_GRPC_PORT: '' })).toBe(1);
    expect(port('orders', { ORDERS_GRPC_PORT: '', GRPC_PORT: '' })).toBe(50051);
  });

  it('of a process has no prefix', () => {
    expect(problemsOf({ url: setting.postgresUrl('DATABASE_URL') }, {}, '')).toEqual(['DATABASE_URL is required']);
  });

  it('that is wrong names every problem at once, by the name that was read', () => {
    const environment = { ORDERS_GRPC_PORT: 'http', STOP_TIMEOUT_MS: '-1', CLIENT_RETRIES: 'yes' };
    expect(problemsOf(settings, environment)).toEqual([
      'ORDERS_GRPC_PORT must be a whole number from 0 to 65535 (it is "http")',
      'ORDERS_DATABASE_URL is required',
      'STOP_TIMEOUT_MS must be a whole number from 0 to 86400000 (it is "-1")',
      'CLIENT_RETRIES must be true or false (it is "yes")',
    ]);
  });

  it('of several services names the problems of all, each once', () => {
    const both = [
      { service: 'orders', settings },
      { service: 'users', settings },
    ];
    expect(() => loadConfigs(both, { GRPC_PORT: 'x', ORDERS_DATABASE_URL: 'mysql://a/b' })).toThrow(
      expect.objectContaining({
        problems: [
          'GRPC_PORT must be a whole number from 0 to 65535 (it is "x")',
          'ORDERS_DATABASE_URL must be a URL of postgres: or postgresql:',
          'USERS_DATABASE_URL is required',
        ],
      }),
    );
  });

  it('never shows a secret, and shows the beginning of anything else', () => {
    const wanted = { url: setting.postgresUrl('DATABASE_URL'), name: setting.text('KEY', { secret: true }) };
    const [first = ''] = problemsOf(wanted, { DATABASE_URL: 'weft:sesame@localhost', KEY: 'sesame' });
    expect(first).toBe('DATABASE_URL must be a URL of postgres: or postgresql:');
    const [long = ''] = problemsOf({ port: setting.port('PORT') }, { PORT: 'x'.repeat(10_000) });
    expect(long.length).toBeLessThan(200);
  });
});

describe('a setting', () => {
  it.each<[string, Settings[string], readonly string[], readonly string[]]>([
    ['port', setting.port('X'), ['0', '65535'], ['65536', '-1', '1.5', '0x50', ' 80', '1e3', 'http']],
    ['integer', setting.integer('X', { low: 2, high: 9 }), ['2', '9'], ['1', '10', '', 'three'].filter(Boolean)],
    ['milliseconds', setting.milliseconds('X'), ['0', '86400000'], ['86400001', '1s', '99999999999999999999']],
    ['flag', setting.flag('X'), ['true', 'false'], ['TRUE', '1', 'yes']],
    ['choice', setting.choice('X', ['json', 'pretty']), ['json', 'pretty'], ['JSON', 'j']],
    ['PostgreSQL URL', setting.postgresUrl('X'), [URL, 'postgresql:///a?host=/run'], ['http://a', 'weft', '/run']],
    [
      'NATS URL',
      setting.natsUrl('X'),
      ['nats://a:1', 'tls://u:p@a, nats://b'],
      ['http://a', 'a:4222', 'nats://a,', ','],
    ],
    ['HTTP URL', setting.httpUrl('X'), ['http://a:1/b', 'https://a'], ['ftp://a', 'a:1', '//a']],
    [
      'target',
      setting.target('X'),
      ['localhost:1', '127.0.0.1:50051', '[::1]:50051', 'orders.weft.svc.cluster.local:50051'],
      ['localhost', ':1', 'http://localhost:1', 'localhost:port', 'a b:1'],
    ],
  ])('that is a %s takes what is one, and refuses the rest', (_, one, good, bad) => {
    const accepted = (text: string) => problemsOf({ one }, { X: text }).length === 0;
    expect(good.filter((text) => !accepted(text))).toEqual([]);
    expect(bad.filter(accepted)).toEqual([]);
  });
});
