import { DomainError } from '../../failure/index.ts';
import { assertPublishable } from '../../store/outbox.ts';
import { allEnded } from '../../time/index.ts';
import type { Message } from '../bus.ts';
import { toHeaders } from './envelope.ts';
import { NobodyThere } from './errors.ts';
import type { Link } from './link.ts';
import { serviceOf, streamOf, subjectOf } from './subjects.ts';

const MAX_IN_FLIGHT = 256;
const MAX_WAITING = 20_000;

export interface PublisherParts {
  readonly link: Link;
  /** Resolves when the stream of a service is there. */
  stream(service: string): Promise<void>;
  /** One is not there any more. */
  forgetStreams(): void;
}

/**
 * Has many messages in flight, and one of a key: a message whose answer is lost may be stored or not, and were the next
 * one of its key already on its way, it could be overtaken when it is published again. The broker ignores ids that it has
 * stored within its window.
 */
export class Publisher {
  readonly #on: PublisherParts;
  /** The last message of each key that is still in flight. */
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #turns: (() => void)[] = [];
  #free = MAX_IN_FLIGHT;
  #waiting = 0;

  constructor(on: PublisherParts) {
    this.#on = on;
  }

  async publish(messages: readonly Message[]): Promise<void> {
    for (const message of messages) assertPublishable(message);
    const ready = messages.map((message) => ({ message, headers: toHeaders(message) }));
    if (this.#waiting + messages.length > MAX_WAITING) {
      throw new DomainError('resource-exhausted', 'BUS_BUSY', 'too many messages wait to be published');
    }
    this.#waiting += messages.length;
    try {
      // Every one of them has to have come out before the caller may publish them again.
      const chains = [...Map.groupBy(ready, ({ message }) => message.key)].map(([key, chain]) =>
        this.#follow(key, async () => {
          for (const { message, headers } of chain) await this.#send(message, headers);
        }),
      );
      await allEnded(chains);
    } finally {
      this.#waiting -= messages.length;
    }
  }

  async flushed(): Promise<void> {
    await Promise.allSettled(this.#tails.values());
  }

  async #follow(key: string, work: () => Promise<void>): Promise<void> {
    const done = (this.#tails.get(key) ?? Promise.resolve()).then(work, work);
    this.#tails.set(key, done);
    try {
      await done;
    } finally {
      if (this.#tails.get(key) === done) this.#tails.delete(key);
    }
  }

  async #send(message: Message, headers: ReturnType<typeof toHeaders>): Promise<void> {
    const service = serviceOf(message.type);
    await this.#on.stream(service);
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#turns.push(resolve));
    try {
      await this.#on.link.store(streamOf(service), subjectOf(message.type, message.key), message.payload, headers);
    } catch (error) {
      if (error instanceof NobodyThere) this.#on.forgetStreams();
      throw error;
    } finally {
      const next = this.#turns.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
