import { expect, it } from '@jest/globals';
import { type BusFixture, numbered } from './bus-fixture.ts';
import { eventually } from './eventually.ts';

export function noticeTests(current: () => BusFixture): void {
  it('tells every process that listens what is of no use later, of its topic only', async () => {
    const on = current();
    const [first, second] = [await on.open(), await on.open()];
    const heard: string[] = [];
    first.onNotice('weather', (text) => void heard.push(`first ${text}`));
    second.onNotice('weather', (text) => void heard.push(`second ${text}`));
    const forget = second.onNotice('weather', (text) => void heard.push(`forgotten ${text}`));
    forget();
    await Promise.all([on.bus, first, second].map((bus) => bus.check()));
    let asked = 0;
    // Who has only just come may not be heard yet: nothing is kept for it.
    await eventually(() => {
      on.bus.notify('traffic', 'none');
      on.bus.notify('weather', `rain\n${++asked}`);
      return ['first', 'second'].every((who) => heard.some((one) => one.startsWith(who)));
    });
    expect(heard.every((one) => /^(first|second) rain\n\d+$/.test(one))).toBe(true);
  });

  it('neither keeps what it tells while the broker is away nor holds up who tells it, and tells again after that', async () => {
    const on = current();
    const listener = await on.open();
    const heard: string[] = [];
    listener.onNotice('weather', (text) => void heard.push(text));
    await Promise.all([on.bus, listener].map((bus) => bus.check()));
    await on.driver.disconnectAll();
    on.bus.notify('weather', 'storm');
    await eventually(() => {
      on.bus.notify('weather', 'sun');
      return heard.includes('sun');
    }, 20_000);
    await on.bus.publish([numbered('a', 1)]);
  });

  it('refuses a notice that is too long for any driver', () => {
    expect(() => current().bus.notify('weather', 'é'.repeat(3_501))).toThrow('at most 7000 bytes');
  });
}
