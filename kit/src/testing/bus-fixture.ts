import { randomUUID } from 'node:crypto';
import type { Bus, Consumer, ConsumerOptions, Delivery, Message } from '../events/bus.ts';
import { eventually } from './eventually.ts';

export interface BusDriver {
  /** Another connection to the same bus, as another process has it. */
  open(): Promise<Bus>;
  /** Ends all connections to the broker, as its restart would. */
  disconnectAll(): Promise<unknown>;
  /** The broker is gone until the result is called. */
  goAway(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** What a driver need not do, declared where its suite is run. */
export interface BusExceptions {
  /** A dead letter that is handled again waits for what is in hand of its key. */
  readonly redrivesInTurn?: boolean;
}

export const TYPE = 'weft.test.v1.counted';
export const OTHER_TYPE = 'weft.test.v1.ignored';
export const THIRD_TYPE = 'weft.test.v1.renamed';
export const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'];

export function numbered(key: string, number: number, type = TYPE): Message {
  return {
    id: randomUUID(),
    type,
    subject: `${type}.${key}`,
    key,
    headers: { 'x-note': 'é "quoted" \\' },
    payload: Buffer.from([number & 0xff, number >> 8, 0, 255]),
  };
}

export const numberOf = ({ payload }: { payload: Uint8Array }): number => (payload[0] ?? 0) + ((payload[1] ?? 0) << 8);
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** A bus for one test, and what a consumer of it was given. */
export class BusFixture {
  readonly driver: BusDriver;
  readonly bus: Bus;
  readonly handled: Delivery[] = [];
  readonly #opened: Bus[];

  constructor(driver: BusDriver, bus: Bus) {
    this.driver = driver;
    this.bus = bus;
    this.#opened = [bus];
  }

  async open(): Promise<Bus> {
    const another = await this.driver.open();
    this.#opened.push(another);
    return another;
  }

  consume(options: Partial<ConsumerOptions> = {}, bus: Bus = this.bus): Consumer {
    return bus.consume({
      name: 'counter',
      types: [TYPE],
      handle: async (delivery) => void this.handled.push(delivery),
      backoffMs: () => 20,
      ...options,
    });
  }

  numbers(key: string): number[] {
    return this.handled.filter((delivery) => delivery.key === key).map(numberOf);
  }

  /** In the order in which they were first seen: redelivery repeats, and never overtakes. */
  firsts(key: string): number[] {
    return [...new Set(this.numbers(key))];
  }

  async settled(consumer: Consumer): Promise<void> {
    await eventually(async () => (await consumer.lag()) === 0, 25_000);
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((bus) => bus.close()));
    await this.driver.close();
  }
}
