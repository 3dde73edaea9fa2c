import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { NotificationChannel, NotificationStatus } from '@weft/gen/grpc/weft/notifications/v1/notifications';
import { startSystem } from '@weft/kit/module';
import { eventually } from '@weft/kit/testing';
import { Refused, type TextMessages } from '../src/app/ports.ts';
import { smtp } from '../src/channels/smtp.ts';
import { defineNotifications, notifications } from '../src/module.ts';
import { type Mailroom, newsOf, openMailroom } from './fixture.ts';
import { type MailServer, startMailServer } from './mail-server.ts';

const { NOTIFICATION_STATUS_FAILED, NOTIFICATION_STATUS_PENDING } = NotificationStatus;
const { NOTIFICATION_STATUS_SENT, NOTIFICATION_STATUS_UNADDRESSED } = NotificationStatus;

/** A provider of text messages that knows everybody's number. */
class Texter implements TextMessages {
  readonly sent: { readonly id: string; readonly userId: string; readonly text: string }[] = [];
  fails: Error | undefined;

  async send(message: { id: string; userId: string; text: string }): Promise<void> {
    if (this.fails) throw this.fails;
    this.sent.push(message);
  }
}

let server: MailServer;
let mailroom: Mailroom;
const texts = new Texter();
beforeAll(async () => {
  server = await startMailServer();
  const env = { NOTIFICATIONS_SMTP_URL: server.url, NOTIFICATIONS_MAIL_FROM: 'The Shop <shop@shop.example>' };
  mailroom = await openMailroom(env, defineNotifications({ texts }));
});
beforeEach(() => {
  server.control.recipient = () => undefined;
  server.control.taken = async () => {};
  texts.fails = undefined;
});
afterAll(async () => {
  await mailroom.stop();
  await server.stop();
});

const only = async (userId: string) => (await mailroom.told(userId))[0];
const became = (userId: string, status: NotificationStatus) =>
  eventually(async () => {
    const found = await only(userId);
    if (found?.status !== status) throw new Error(`notification is ${found?.status}`);
    return found;
  });

describe('a notification by e-mail', () => {
  it('is sent once to the address that users knows, with its own Message-ID', async () => {
    const email = `${randomUUID()}@people.example`;
    const userId = mailroom.customer(email, 'Ford Préfect');
    const orderId = randomUUID();
    const { placed } = newsOf(userId, orderId);
    await mailroom.publish(placed);
    const sent = await became(userId, NOTIFICATION_STATUS_SENT);
    expect(sent.sendTime).toBeDefined();
    expect(server.of(email)).toHaveLength(1);
    const [mail] = server.of(email);
    expect(mail?.messageId).toBe(`<${placed.id}.email@shop.example>`);
    expect(mail?.raw).toMatch(/^From: "?The Shop"? <shop@shop.example>/m);
    expect(mail?.raw.replaceAll(/=\r\n/g, '')).toContain(`Thank you for your order ${orderId}`);
    await mailroom.hurry();
    await mailroom.publish(placed);
    expect(server.of(email)).toHaveLength(1);
  });

  it('is sent again while the server has no time, and then no more', async () => {
    const email = `${randomUUID()}@people.example`;
    const userId = mailroom.customer(email);
    server.control.recipient = () => 451;
    await mailroom.publish(newsOf(userId, randomUUID()).placed);
    await eventually(() => mailroom.booted.logs.some(({ msg }) => msg === 'a notification could not be sent'));
    expect((await only(userId))?.status).toBe(NOTIFICATION_STATUS_PENDING);
    server.control.recipient = () => undefined;
    await mailroom.hurry();
    await became(userId, NOTIFICATION_STATUS_SENT);
    expect(server.of(email)).toHaveLength(1);
  });

  it('is given up when the server does not know the address, which no log names', async () => {
    const email = `${randomUUID()}@nowhere.example`;
    const userId = mailroom.customer(email);
    server.control.recipient = (address) => (address === email ? 550 : undefined);
    await mailroom.publish(newsOf(userId, randomUUID()).placed);
    await became(userId, NOTIFICATION_STATUS_FAILED);
    expect(JSON.stringify(mailroom.booted.logs)).not.toContain(email);
    expect(JSON.stringify(mailroom.booted.logs)).toContain('EENVELOPE 550');
  });

  it('is not waited for longer than the mail server may take', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const mail = smtp({ url: `smtp://127.0.0.1:${port}`, from: 'Shop <shop@shop.example>', timeout: 50 });
    const one = { id: 'i', email: 'ford@people.example', fullName: 'Ford', subject: 's', text: 't' };
    await expect(mail.send(one)).rejects.toThrow('ETIMEDOUT');
    mail.close();
    silent.close();
  });

  it('goes to nobody whose account is erased or not known', async () => {
    const erased = mailroom.customer('', '');
    const unknown = randomUUID();
    const before = server.received.length;
    for (const userId of [erased, unknown]) {
      await mailroom.publish(newsOf(userId, randomUUID()).placed);
      await became(userId, NOTIFICATION_STATUS_UNADDRESSED);
    }
    expect(server.received).toHaveLength(before);
  });

  it('of which the record is lost after the server took it is sent again with the same Message-ID', async () => {
    const email = `${randomUUID()}@people.example`;
    const userId = mailroom.customer(email);
    server.control.taken = async () => {
      await mailroom.booted.database('notifications').query('ALTER TABLE notification RENAME TO away');
    };
    await mailroom.publish(newsOf(userId, randomUUID()).placed);
    await eventually(() => server.of(email).length === 1);
    server.control.taken = async () => {};
    await eventually(() => mailroom.booted.logs.some(({ msg }) => msg === 'notifications could not be looked for'));
    await mailroom.booted.database('notifications').query('ALTER TABLE away RENAME TO notification');
    await mailroom.hurry();
    await became(userId, NOTIFICATION_STATUS_SENT);
    const [first, second, ...more] = server.of(email);
    expect(more).toEqual([]);
    expect(second?.messageId).toBe(first?.messageId);
  });

  it('is sent by one of several processes', async () => {
    const env = {
      LOG_LEVEL: 'silent',
      OPS_PORT: '0',
      GRPC_PORT: '0',
      DATABASE_URL: mailroom.booted.database('notifications').url,
      BUS_DATABASE_URL: mailroom.booted.bus.url,
      IDENTITY_JWKS_URL: 'http://127.0.0.1:9/jwks.json',
      USERS_TARGET: mailroom.users.target,
      SMTP_URL: server.url,
    };
    const other = await startSystem([notifications], env, { log: () => undefined });
    const emails = Array.from({ length: 40 }, () => `${randomUUID()}@people.example`);
    const userIds = emails.map((email) => mailroom.customer(email));
    await mailroom.publish(...userIds.map((userId) => newsOf(userId, randomUUID()).placed));
    for (const userId of userIds) await became(userId, NOTIFICATION_STATUS_SENT);
    await other.stop();
    expect(emails.map((email) => server.of(email).length)).toEqual(emails.map(() => 1));
  });
});

describe('a notification by text message', () => {
  it('is sent of what is urgent, beside the e-mail, each by itself', async () => {
    const email = `${randomUUID()}@people.example`;
    const userId = mailroom.customer(email);
    const { dispatched, confirmed } = newsOf(userId, randomUUID());
    texts.fails = new Error('no network');
    await mailroom.publish(dispatched, confirmed);
    await eventually(() => server.of(email).length === 2);
    const { NOTIFICATION_CHANNEL_SMS } = NotificationChannel;
    const texted = async () =>
      (await mailroom.told(userId)).filter(({ channel }) => channel === NOTIFICATION_CHANNEL_SMS);
    expect(await texted()).toMatchObject([{ status: NOTIFICATION_STATUS_PENDING }]);
    texts.fails = undefined;
    await mailroom.hurry();
    await eventually(async () => (await texted())[0]?.status === NOTIFICATION_STATUS_SENT);
    expect(texts.sent).toMatchObject([{ id: `${dispatched.id}.sms`, userId }]);
    expect(server.of(email)).toHaveLength(2);
  });

  it('is given up when the provider refuses', async () => {
    const userId = mailroom.customer();
    texts.fails = new Refused('no number');
    const { dispatched } = newsOf(userId, randomUUID());
    await mailroom.publish(dispatched);
    await eventually(async () => {
      const found = await mailroom.told(userId);
      return found.some((one) => one.notificationId.endsWith('.sms') && one.status === NOTIFICATION_STATUS_FAILED);
    });
  });
});
