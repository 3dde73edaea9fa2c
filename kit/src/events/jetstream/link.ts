import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import {
  connect,
  createInbox,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Payload,
} from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { Alarm, backoff } from '../../store/backoff.ts';
import { within } from '../../time/index.ts';
import { API, BusMisconfigured, BusUnavailable, Overtaken } from './errors.ts';
import { Requests } from './requests.ts';
import { type ServerOptions, serverOf } from './server.ts';

export interface LinkOptions extends ServerOptions {
  readonly name: string;
  readonly logger: Logger;
}

/** One connection, from the moment it is there to the moment it is lost. */
export interface Line {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly requests: Requests;
  /** A new subject for answers, one that this user may listen to. */
  inbox(): string;
}

/** What a stream answers. */
interface Stored {
  readonly stream?: string;
  readonly seq?: number;
  readonly error?: { readonly description: string; readonly err_code: number };
}

type Listener = () => void;

const CONNECT_MS = 2_000;
const ANSWER_MS = 5_000;
const STOP_MS = 1_000;
/** Different errors of one connection that are warned of, each once. */
const MOST_TOLD = 100;

/**
 * The way to the broker. Comes back by itself when it is lost: with a new connection, so that nothing that was meant for the
 * old one is sent late.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #up = new Set<Listener>();
  readonly #down = new Set<Listener>();
  readonly #alarm = new Alarm();
  #line: Line | undefined;
  #problem: unknown = new Error('not connected yet');
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#line !== undefined;
  }

  /** @throws BusUnavailable when there is none at the moment. */
  get line(): Line {
    if (!this.#line) throw new BusUnavailable(this.#problem);
    return this.#line;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Calls the listener for every new connection, at once if there is one. */
  onUp(listener: Listener): () => void {
    this.#up.add(listener);
    if (this.connected) listener();
    return () => this.#up.delete(listener);
  }

  onDown(listener: Listener): () => void {
    this.#down.add(listener);
    return () => this.#down.delete(listener);
  }

  /** Waits that long for a connection. @throws BusUnavailable */
  async ready(ms: number): Promise<Line> {
    if (this.#line || this.#stopped) return this.line;
    let forget: () => void = () => undefined;
    const up = new Promise<void>((resolve) => {
      forget = this.onUp(resolve);
    });
    await within(ms, up, () => undefined);
    forget();
    return this.line;
  }

  async request(subject: string, payload: Payload, withinMs: number, headers?: MsgHdrs): Promise<Msg> {
    return await this.line.requests.send(subject, payload, headers, withinMs);
  }

  /** Resolves when the message is in that stream, to its place there. @throws BusUnavailable, BusMisconfigured, Overtaken */
  async store(stream: string, subject: string, payload: Payload, headers: MsgHdrs): Promise<number> {
    const answer = await this.request(subject, payload, ANSWER_MS, headers);
    const { error, stream: into, seq = 0 } = answer.json<Stored>();
    if (error?.err_code === API.wrongLastSequence) throw new Overtaken(error.description);
    if (error?.err_code === API.wrongStream || (!error && into !== stream))
      throw new BusMisconfigured(`${subject} does not go into the stream ${stream}`);
    if (error) throw new BusUnavailable(new Error(error.description));
    return seq;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#alarm.wake();
    const connection = this.#line?.connection;
    if (connection) {
      await within(
        STOP_MS,
        connection.flush().catch(() => undefined),
        () => undefined,
      );
      await connection.close();
    }
    await this.#running;
  }

  async #run(): Promise<void> {
    const { logger, name } = this.#options;
    const { connection: where, address } = serverOf(this.#options);
    for (let attempt = 1; !this.#stopped; attempt++) {
      try {
        const connection = await connect({
          ...where,
          name,
          timeout: CONNECT_MS,
          reconnect: false,
          pingInterval: 5_000,
          maxPingOut: 2,
          noAsyncTraces: true,
        });
        attempt = 0;
        await this.#serve(connection, () => createInbox(where.inboxPrefix));
        if (!this.#stopped) logger.warn({ server: address }, 'connection to the bus lost');
      } catch (error) {
        this.#problem = error;
        if (!this.#stopped && attempt === 1) logger.warn({ err: error, server: address }, 'bus not available');
      }
      if (!this.#stopped) await this.#alarm.sleep(backoff(attempt + 1, 50, 2_000));
    }
  }

  async #serve(connection: NatsConnection, inbox: Line['inbox']): Promise<void> {
    const manager = await jetstreamManager(connection, { checkAPI: false, timeout: ANSWER_MS });
    const requests = new Requests(connection, inbox());
    void this.#watch(connection);
    this.#line = { connection, manager, requests, inbox };
    if (this.#stopped) void connection.close();
    else for (const listener of this.#up) this.#call(listener);
    const cause = await connection.closed();
    this.#line = undefined;
    this.#problem = cause ?? new Error('the connection was lost');
    requests.end();
    for (const listener of this.#down) this.#call(listener);
  }

  async #watch(connection: NatsConnection): Promise<void> {
    const told = new Set<string>();
    for await (const status of connection.status()) {
      if (status.type !== 'error') continue;
      const { message } = status.error;
      const isNew = !told.has(message) && told.size < MOST_TOLD;
      this.#options.logger[isNew ? 'warn' : 'debug']({ err: status.error }, 'the bus reports an error');
      if (isNew) told.add(message);
    }
  }

  #call(listener: Listener): void {
    try {
      listener();
    } catch (error) {
      this.#options.logger.error({ err: error }, 'listener failed');
    }
  }
}
