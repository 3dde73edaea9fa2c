import type { Logger } from 'pino';
import { within } from '../../time/index.ts';
import type { Bus, Tailed, TailOptions } from '../bus.ts';
import { Gate } from '../gate.ts';
import { JetStreamConsumer } from './consumer.ts';
import { asBusFailure, BusUnavailable } from './errors.ts';
import { LetterCount } from './letter-count.ts';
import { Letters } from './letters.ts';
import { type Line, Link } from './link.ts';
import { Notices } from './notices.ts';
import { Publisher } from './publisher.ts';
import { rewindConsumer } from './replay.ts';
import { listSchemas, registerSchemas, type Version } from './schemas.ts';
import type { ServerOptions } from './server.ts';
import {
  attemptStream,
  ensureStream,
  eventStream,
  letterStream,
  oldestIn,
  provideStream,
  type StreamSettings,
} from './streams.ts';
import { serviceOf, streamOf } from './subjects.ts';
import { tailStreams } from './tail.ts';

export { type EventRoute, type Permissions, permissionsOf, readerOf } from './permissions.ts';

export interface JetStreamBusOptions extends ServerOptions, Partial<StreamSettings> {
  /** Of the process; the broker shows it as the name of the connection. */
  readonly name: string;
  readonly logger: Logger;
  /**
   * Services that publish here: their streams are there when the bus is, and as they want them. Others' are made where they are
   * missing, with the first event or consumer, and never changed.
   */
  readonly services?: readonly string[];
  /** By service, where its events are kept for another time than `retentionMs`. */
  readonly retentionsMs?: Readonly<Record<string, number>>;
  /** So long the broker waits for word of a message in hand before it gives it to another instance. Default 10,000. */
  readonly ackWaitMs?: number;
}

const DEFAULTS = {
  retentionMs: 7 * 24 * 3_600_000,
  duplicateWindowMs: 120_000,
  replicas: 1,
  storage: 'file',
  services: [],
  retentionsMs: {},
  ackWaitMs: 10_000,
} as const;
const READY_MS = 2_000;
const CLOSE_MS = 5_000;

/**
 * A bus on NATS JetStream: a stream a service, one of dead letters, and a durable consumer a bucket of each consumer. All of
 * them are made where they are missing and changed where the settings say otherwise, never emptied. Connects in the
 * background and waits for a broker that is not there; `check` says what is wrong.
 */
export function openJetStreamBus(options: JetStreamBusOptions): Bus {
  return new Driver({ ...DEFAULTS, ...options });
}

type Settings = JetStreamBusOptions &
  StreamSettings &
  Required<Pick<JetStreamBusOptions, 'services' | 'retentionsMs' | 'ackWaitMs'>>;

/** The streams of the bus's own: an empty name stands for them where a service would. */
const OWN = '';

class Driver implements Bus {
  readonly #settings: Settings;
  readonly #link: Link;
  readonly #letters: Letters;
  readonly #letterCount: LetterCount;
  readonly #publisher: Publisher;
  readonly #notices: Notices;
  readonly #gate = new Gate();
  readonly #consumers = new Map<string, JetStreamConsumer>();
  /** By service, on the connection that there is now. */
  #streams = new Map<string, Promise<void>>();
  /** That are known to be there, on that connection. */
  #versions: readonly Version[] = [];
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#link = new Link(settings);
    this.#letters = new Letters(this.#link, settings.retentionMs);
    this.#letterCount = new LetterCount(this.#link, this.#letters);
    const stream = (service: string) => this.#stream(service);
    this.#publisher = new Publisher({ link: this.#link, stream, forgetStreams: () => this.#streams.clear() });
    this.#notices = new Notices(this.#link);
    this.#link.onUp(() => {
      this.#streams = new Map();
      this.#versions = [];
      for (const service of [OWN, ...settings.services]) this.#stream(service).catch(() => undefined);
    });
    this.#link.start();
  }

  publish: Bus['publish'] = async (messages) => {
    if (messages.length === 0) return;
    await this.#ready();
    await this.#publisher.publish(messages);
  };

  consume: Bus['consume'] = (options) => {
    const { name } = options;
    if (this.#closed) throw new Error('the bus is closed');
    if (this.#consumers.has(name)) throw new Error(`${name} is already consumed by this process`);
    const { logger, ackWaitMs } = this.#settings;
    const stream = async (service: string) => {
      await Promise.all([this.#stream(OWN), this.#stream(service)]);
    };
    const forgetStreams = () => this.#streams.clear();
    const own = { link: this.#link, letters: this.#letters, gate: this.#gate };
    const parts = { ...own, ackWaitMs, logger, stream, forgetStreams };
    const consumer = new JetStreamConsumer(parts, options, () => this.#consumers.delete(name));
    this.#consumers.set(name, consumer);
    return consumer;
  };

  deadLetters: Bus['deadLetters'] = async (consumer) => {
    await this.#ready();
    return await asBusFailure(this.#letters.list(consumer));
  };

  countDeadLetters: Bus['countDeadLetters'] = async (consumer) => {
    await this.#ready();
    return await asBusFailure(this.#letterCount.of(consumer));
  };

  deadLetter: Bus['deadLetter'] = async (letter) => {
    await this.#ready();
    return await asBusFailure(this.#letters.find(letter));
  };

  redrive: Bus['redrive'] = async (letter) => {
    await this.#ready();
    await asBusFailure(this.#letters.move(letter, 'redrive'));
  };

  discard: Bus['discard'] = async (letter) => {
    await this.#ready();
    await asBusFailure(this.#letters.move(letter, 'discarded'));
  };

  replay: Bus['replay'] = async (consumer, from) => {
    await this.#ready();
    await asBusFailure(rewindConsumer(this.#link, consumer, from));
  };

  async *tail(options: TailOptions): AsyncGenerator<Tailed> {
    await this.#ready();
    yield* tailStreams(this.#link.line, options);
  }

  keptSince: Bus['keptSince'] = async (types) => {
    await this.#ready();
    const services = new Set(types.map(serviceOf));
    const oldest = [...services].map((service) => oldestIn(this.#link.line.manager, streamOf(service)));
    const times = (await asBusFailure(Promise.all(oldest))).filter((time) => time !== undefined);
    return times.sort((a, b) => a.getTime() - b.getTime())[0];
  };

  registerSchemas: Bus['registerSchemas'] = async (service, publishes, reads) => {
    await this.#ready();
    await asBusFailure(registerSchemas(this.#link.line, this.#settings, this.#versions, service, publishes, reads));
  };

  schemas: Bus['schemas'] = async () => {
    await this.#ready();
    const found = await asBusFailure(listSchemas(this.#link.line, this.#settings));
    this.#versions = found.map(({ type, fingerprint }) => ({ type, fingerprint }));
    return found;
  };

  notify: Bus['notify'] = (topic, text) => this.#notices.send(topic, text);

  onNotice: Bus['onNotice'] = (topic, listener) => this.#notices.on(topic, listener);

  check: Bus['check'] = async () => {
    const until = performance.now() + READY_MS;
    await this.#ready();
    const left = Math.max(1, until - performance.now());
    await this.#link.request('$JS.API.INFO', '', left);
    const streams = Promise.all(this.#settings.services.map((service) => this.#stream(service)));
    await within<unknown>(left, streams, () => {
      throw new BusUnavailable(new Error('the streams are not ready'));
    });
  };

  close: Bus['close'] = () => {
    this.#closed = true;
    this.#closing ??= this.#close();
    return this.#closing;
  };

  async #close(): Promise<void> {
    const stopped = Promise.all([...this.#consumers.values()].map((consumer) => consumer.stop()));
    await within<unknown>(CLOSE_MS, stopped, () => undefined);
    await within(CLOSE_MS, this.#publisher.flushed(), () => undefined);
    await this.#link.stop();
  }

  async #ready(): Promise<void> {
    await this.#link.ready(READY_MS);
    await this.#stream(OWN);
  }

  /** One attempt a connection serves all that wait for it; one that failed is made anew by whoever comes next. */
  #stream(service: string): Promise<void> {
    const known = this.#streams;
    const found = known.get(service) ?? this.#ensure(service);
    known.set(service, found);
    found.catch(() => {
      if (known.get(service) === found) known.delete(service);
    });
    return found;
  }

  async #ensure(service: string): Promise<void> {
    const { logger, services, retentionsMs, retentionMs } = this.#settings;
    const { manager }: Line = this.#link.line;
    const ensure = async (): Promise<unknown> => {
      if (service === OWN) {
        const own = [letterStream(this.#settings), attemptStream(this.#settings)];
        return await Promise.all(own.map((one) => ensureStream(manager, one, logger)));
      }
      const wanted = eventStream(service, { ...this.#settings, retentionMs: retentionsMs[service] ?? retentionMs });
      if (services.includes(service)) return await ensureStream(manager, wanted, logger);
      return await provideStream(manager, wanted);
    };
    await asBusFailure(ensure());
  }
}
