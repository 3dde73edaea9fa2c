import type { Msg, MsgHdrs, NatsConnection, Payload } from '@nats-io/transport-node';
import { BusUnavailable, NobodyThere } from './errors.ts';

interface Waiting {
  /** @returns whether there is more to come */
  readonly take: (answer: Msg) => boolean;
  readonly reject: (error: BusUnavailable) => void;
  readonly due: number;
}

const SWEEP_MS = 250;

const END_OF_BATCH = 204;
const NOTHING_FOUND = 404;
const NOBODY_THERE = 503;

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
    return new Promise((resolve, reject) => {
      const take = (answer: Msg) => {
        resolve(answer);
        return false;
      };
      this.#ask(subject, payload, headers, { take, reject, due: performance.now() + withinMs });
    });
  }

  /**
   * All answers up to the one by which the broker ends a batch.
   * @throws BusUnavailable as `send`, and when the broker refuses
   */
  gather(subject: string, payload: Payload, withinMs: number): Promise<Msg[]> {
    return new Promise((resolve, reject) => {
      const answers: Msg[] = [];
      const take = (answer: Msg) => {
        const code = answer.headers?.code ?? 0;
        if (code === 0) return answers.push(answer) > 0;
        if (code === END_OF_BATCH || code === NOTHING_FOUND) resolve(answers);
        else reject(new BusUnavailable(new Error(`${code} ${answer.headers?.description}`)));
        return false;
      };
      this.#ask(subject, payload, undefined, { take, reject, due: performance.now() + withinMs });
    });
  }

  /** The connection is gone. */
  end(): void {
    clearInterval(this.#sweeping);
    for (const { reject } of this.#waiting.values()) reject(new BusUnavailable(new Error('the connection was lost')));
    this.#waiting.clear();
  }

  #ask(subject: string, payload: Payload, headers: MsgHdrs | undefined, waiting: Waiting): void {
    const reply = `${this.#inbox}.${++this.#count}`;
    this.#waiting.set(reply, waiting);
    try {
      this.#connection.publish(subject, payload, headers ? { headers, reply } : { reply });
    } catch (error) {
      this.#waiting.delete(reply);
      waiting.reject(new BusUnavailable(error));
    }
  }

  #answered(answer: Msg): void {
    const waiting = this.#waiting.get(answer.subject);
    if (!waiting) return;
    const nobody = answer.headers?.code === NOBODY_THERE;
    if (!nobody && waiting.take(answer)) return;
    this.#waiting.delete(answer.subject);
    if (nobody) waiting.reject(new NobodyThere());
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
