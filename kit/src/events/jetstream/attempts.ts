import { headers as createHeaders } from '@nats-io/transport-node';
import type { Link } from './link.ts';
import { ATTEMPTS, token } from './subjects.ts';

/** How often the message at a place was begun by processes that may not live any more. */
interface Note {
  readonly seq: number;
  readonly tried: number;
}

/**
 * What is known of the message that a bucket of a consumer is at, where it was given more than once: the broker counts what
 * it has sent, also what a lost connection kept from arriving and what was given back untouched.
 */
export class Attempts {
  readonly #link: Link;
  readonly #subject: string;

  constructor(link: Link, consumer: string, service: string, bucket: number) {
    this.#link = link;
    this.#subject = `${ATTEMPTS}.${token(consumer)}.${service}.${bucket}`;
  }

  /** Undefined where nothing was noted of it. */
  async read(seq: number): Promise<number | undefined> {
    const found = await this.#link.line.manager.streams.getMessage(ATTEMPTS, { last_by_subj: this.#subject });
    const note = found?.json<Note>();
    return note?.seq === seq ? note.tried : undefined;
  }

  async write(seq: number, tried: number): Promise<void> {
    await this.#link.store(ATTEMPTS, this.#subject, JSON.stringify({ seq, tried } satisfies Note), createHeaders());
  }
}
