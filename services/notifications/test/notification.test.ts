import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '@weft/kit/config';
import fc from 'fast-check';
import { settings } from '../src/config.ts';
import { compose, type News } from '../src/domain/letter.ts';
import { newNotification, type Outcome, retryTime, settle } from '../src/domain/notification.ts';

const at = (ms: number) => new Date(ms);
const LETTER = compose({ kind: 'welcome' });
const fresh = (sendable: boolean) =>
  newNotification({ eventId: 'e', channel: 'email', userId: 'u', letter: LETTER }, sendable, at(0));

describe('a notification', () => {
  it('is kept where nobody can send it, else due at once', () => {
    expect(fresh(false)).toMatchObject({ status: 'kept', nextAttemptAt: undefined });
    expect(fresh(true)).toMatchObject({ status: 'pending', nextAttemptAt: at(0), attempts: 0 });
  });

  it('is tried at growing distances, and given up after a bounded number of tries', () => {
    const waits = Array.from({ length: 12 }, (_, attempts) => retryTime(attempts, at(0)).getTime() / 60_000);
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]);
    const outcomes = fc.array(fc.constantFrom<Outcome>('unknown', 'sent', 'refused', 'unaddressed'), { minLength: 12 });
    fc.assert(
      fc.property(outcomes, (ends) => {
        let one = fresh(true);
        let tries = 0;
        while (one.status === 'pending') {
          one = { ...one, attempts: one.attempts + 1 };
          one = settle(one, ends[tries] ?? 'unknown', at(tries));
          tries++;
        }
        expect(tries).toBeLessThanOrEqual(12);
        expect(one.nextAttemptAt).toBeUndefined();
        expect(one.sentAt !== undefined).toBe(one.status === 'sent');
      }),
    );
  });
});

describe('a letter', () => {
  it('names amounts as they are written, exactly', () => {
    const said = (currencyCode: string, minorUnits: bigint) =>
      compose({ kind: 'payment-refunded', orderId: 'o', amount: { currencyCode, minorUnits } }).subject;
    expect(said('GBP', 5n)).toBe('We have given back £0.05');
    expect(said('JPY', 1234n)).toBe('We have given back JP¥1,234');
    expect(said('GBP', 100_000_000_000n)).toBe('We have given back £1,000,000,000.00');
  });

  it('has a subject of one line, whatever the news say', () => {
    const reasons = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,62}$/);
    fc.assert(
      fc.property(fc.uuid(), reasons, (orderId, reason) => {
        const news: News = { kind: 'order-rejected', orderId, reason };
        expect(compose(news).subject).toMatch(/^[^\r\n]{1,100}$/);
      }),
    );
  });
});

describe('the settings', () => {
  const load = (environment: Record<string, string>) => loadConfig('notifications', settings, environment);

  it('name what is wrong, without the password of the mail server', () => {
    expect(load({})).toMatchObject({ smtpUrl: '', from: 'Weft <shop@weft.example>' });
    const wrong = { NOTIFICATIONS_SMTP_URL: 'http://me:secret@mail', NOTIFICATIONS_MAIL_FROM: 'shop@shop.example' };
    expect(() => load(wrong)).toThrow(/NOTIFICATIONS_SMTP_URL must be a URL.+NOTIFICATIONS_MAIL_FROM must be/);
    expect(() => load(wrong)).not.toThrow(/secret/);
  });
});
