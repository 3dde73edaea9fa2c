import { PermissionViolationError } from '@nats-io/transport-node';
import { checkNotice, type NoticeListener, NoticeListeners } from '../notices.ts';
import type { Line, Link } from './link.ts';
import { NOTICES } from './subjects.ts';

/** What is told to all who are there at the moment, and kept nowhere. */
export class Notices {
  readonly #link: Link;
  readonly #listeners = new NoticeListeners();
  /** On which the broker permits none. */
  #refused: unknown;

  constructor(link: Link) {
    this.#link = link;
    link.onUp(() => this.#listen(link.line));
  }

  send(topic: string, text: string): void {
    checkNotice(text);
    const connection = this.#link.connected ? this.#link.line.connection : undefined;
    if (connection?.isClosed() === false && connection !== this.#refused)
      connection.publish(`${NOTICES}.${topic}`, text);
  }

  on(topic: string, listener: NoticeListener): () => void {
    return this.#listeners.on(topic, listener);
  }

  #listen({ connection }: Line): void {
    void this.#watch(connection);
    connection.subscribe(`${NOTICES}.*`, {
      callback: (error, message) => {
        if (!error) this.#listeners.heard(message.subject.slice(NOTICES.length + 1), message.string());
      },
    });
  }

  async #watch(connection: Line['connection']): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue;
      if (status.error.subject.startsWith(NOTICES)) this.#refused = connection;
    }
  }
}
