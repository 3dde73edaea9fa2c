import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import { createLogger, lineWriter } from '@weft/kit/telemetry';

function logged(level = 'debug') {
  const lines: string[] = [];
  const logger = createLogger({ level, pretty: false, write: (line) => void lines.push(line) });
  return { logger, read: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>), lines };
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a log line', () => {
  it('has a time, a level, a message and its fields, and nothing of the machine', () => {
    const { logger, read } = logged();
    logger.child({ service: 'orders' }).info({ port: 1 }, 'serving');
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(read()).toEqual([{ level: 'info', time, service: 'orders', port: 1, msg: 'serving' }]);
  });

  it('is one line, whatever is in it', () => {
    const { logger, lines } = logged();
    logger.info({ name: 'a\nb"}' }, 'x\ny');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toContain('\n');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ name: 'a\nb"}', msg: 'x\ny' });
  });

  it('that is written from JSON is as one that pino makes', () => {
    const { logger, lines } = logged();
    const child = logger.child({ service: 'orders', name: 'a"b' });
    lineWriter(child, 'ca"ll')('"port":1,"ms":0.5');
    child.info({ port: 1, ms: 0.5 }, 'ca"ll');
    const plain = lines.map((line) => line.replace(/"time":"[^"]+"/, ''));
    expect(plain[0]).toBe(plain[1]);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', service: 'orders', port: 1, msg: 'ca"ll' });
  });

  it('tells the time to the millisecond', () => {
    const { logger, read } = logged();
    const times = [999, 1000, 1007, 1070, 1700, 86_400_000, 951_827_696_005];
    for (const time of times) {
      jest.spyOn(Date, 'now').mockReturnValue(time);
      logger.info('now');
    }
    expect(read().map(({ time }) => time)).toEqual(times.map((time) => new Date(time).toISOString()));
  });

  it('is written from its level on', () => {
    const { logger, read } = logged('warn');
    logger.info('no');
    logger.warn('yes');
    expect(read().map(({ msg }) => msg)).toEqual(['yes']);
  });

  it('of an error says what it is and where, and nothing that a driver hangs on it', () => {
    const { logger, read, lines } = logged();
    const row = 'Key (email)=(ada@shop.example) already exists.';
    const err = Object.assign(
      new Error('duplicate key value violates unique constraint', { cause: new Error('lost') }),
      {
        code: '23505',
        detail: row,
        where: row,
        client: { password: 'sesame' },
      },
    );
    logger.error({ err }, 'failed');
    expect(read()[0]?.err).toEqual({
      type: 'Error',
      message: 'duplicate key value violates unique constraint',
      stack: expect.stringContaining('logs.test.ts'),
      code: '23505',
      cause: 'Error: lost',
    });
    expect(lines[0]).not.toMatch(/ada@|sesame/);
  });

  it('of an error keeps its reason, and bounds its text', () => {
    const { logger, read } = logged();
    logger.error({ err: new DomainError('unavailable', 'NOT_NOW', 'x'.repeat(10_000)) }, 'failed');
    expect(read()[0]?.err).toMatchObject({ reason: 'NOT_NOW', message: 'x'.repeat(4000) });
  });

  it.each([
    ['a text', 'gone'],
    ['nothing', undefined],
    ['null', null],
    ['an object without a prototype', Object.create(null)],
  ])('may be of %s that was thrown', (_, err) => {
    const { logger, read } = logged();
    logger.error({ err }, 'failed');
    expect(read()[0]).toMatchObject({ level: 'error', msg: 'failed' });
  });

  it('for people is short, and has the error in it', () => {
    const written: string[] = [];
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    const logger = createLogger({ level: 'info', pretty: true });
    logger.info({ service: 'orders', port: 1, name: 'a' }, 'serving');
    logger.warn({ err: new TypeError('gone') }, 'failed');
    expect(written[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}orders serving port=1 name=a\n$/);
    expect(written[1]).toMatch(/ WARN {2}failed error="TypeError: gone"\n$/);
  });
});
