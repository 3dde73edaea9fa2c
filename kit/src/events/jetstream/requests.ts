import type { Msg, MsgHdrs, NatsConnection, Payload } from '@nats-io/transport-node';
import { BusUnavailable, NobodyThere } from './errors.ts';

interface Waiting {
  readonly resolve: (answer: Msg) => void;
  readonly reject: (error: BusUnavailable) => void;
  readonly due: number;
}

const SWEEP_MS = 250;

/** Requests whose answers share one subscription and one timer: twice as many a second as with a timer each. */
export class Requests {
  readonly #connection: NatsConnection;
  readonly #inbox: string;
  readonly #waiting = new Map<string, Waiting>();
  readonly #sweeping: NodeJS.Timeout;
  #count = 0;

  constructor(connection: NatsConnection, inbox: string) {
    this.#connection = connection;
    this.#inbox = inbox;
    connection.subscribe(`${this.#inbox}.*`, { callback: (_, answer) => this.#answered(answer) });
    this.#sweeping = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** @throws BusUnavailable when nobody listens there, or there is no answer within that many milliseconds. */
  send(subject: string, payload: Payload, headers: MsgHdrs | undefined, withinMs: number): Promise<Msg> {
    const reply = `${this.#inbox}.${++this.#count}`;
    return new Promise((resolve, reject) => {
      this.#waiting.set(reply, { resolve, reject, due: performance.now() + withinMs });
      try {
        this.#connection.publish(subject, payload, headers ? { headers, reply } : { reply });
      } catch (error) {
        this.#waiting.delete(reply);
        reject(new BusUnavailable(error));
      }
    });
  }

  /** The connection is gone. */
  end(): void {
    clearInterval(this.#sweeping);
    for (const { reject } of this.#waiting.values()) reject(new BusUnavailable(new Error('the connection was lost')));
    this.#waiting.clear();
  }

  #answered(answer: Msg): void {
    const waiting = this.#waiting.get(answer.subject);
    if (!waiting) return;
    this.#waiting.delete(answer.subject);
    if (answer.headers?.code === 503) waiting.reject(new NobodyThere());
    else waiting.resolve(answer);
  }

  #sweep(): void {
    const now = performance.now();
    for (const [reply, { due, reject }] of this.#waiting) {
      if (due > now) continue;
      this.#waiting.delete(reply);
      reject(new BusUnavailable(new Error('no answer in time')));
    }
  }
}
