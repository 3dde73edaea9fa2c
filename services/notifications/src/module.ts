import { defineService, periodic } from '@weft/kit/module';
import type { Channels, TextMessages } from './app/ports.ts';
import { sendDue } from './app/send-due.ts';
import { smtp } from './channels/smtp.ts';
import { usersClient } from './clients/users.ts';
import { settings } from './config.ts';
import { onNews } from './events/on-news.ts';
import { migrations } from './store/migrations.ts';
import { notificationsStore } from './store/notifications-store.ts';
import type { NotificationsSchema } from './store/schema.ts';
import { notificationsHandlers } from './transport/handlers.ts';

export interface NotificationsEdges {
  /** Without, nobody is sent text messages. */
  readonly texts?: TextMessages;
}

const SEND_EVERY_MS = 2_000;

/** Tells customers what became of their account and their orders. */
export const defineNotifications = ({ texts }: NotificationsEdges = {}) =>
  defineService<typeof settings, NotificationsSchema>({
    name: 'notifications',
    needs: ['users'],
    settings,
    migrations,
    create({ config, database, client, logger, now }) {
      const store = notificationsStore(database);
      const { smtpUrl: url, from, smtpTimeout: timeout } = config;
      const mail = url === '' ? undefined : smtp({ url, from, timeout });
      const channels: Channels = { mail, texts };
      const onFailure: Parameters<typeof sendDue>[0]['onFailure'] = ({ eventId, channel, attempts }, err) =>
        logger.warn({ err, eventId, channel, attempts }, 'a notification could not be sent');
      const app = { store, users: usersClient(client), channels, now, onFailure };
      const sender = periodic(
        SEND_EVERY_MS,
        () => sendDue(app),
        (err) => logger.warn({ err }, 'notifications could not be looked for'),
      );
      const sending = {
        ...sender,
        async stop() {
          await sender.stop();
          mail?.close();
        },
      };
      return {
        grpc: [notificationsHandlers(store)],
        consumers: [onNews({ channels, wake: sender.wake, now })],
        workers: mail || texts ? [sending] : [],
      };
    },
  });

export const notifications = defineNotifications();
