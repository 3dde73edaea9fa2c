import { JetStreamApiError, JetStreamError } from '@nats-io/jetstream';
import { DomainError } from '../../failure/index.ts';

/** The broker cannot be reached, or did not answer in time. Whether a message in flight was taken is not known. */
export class BusUnavailable extends DomainError {
  constructor(cause: unknown) {
    super('unavailable', 'BUS_UNAVAILABLE', 'the bus is not available');
    this.cause = cause;
  }
}

/** There is no stream that takes such messages. */
export class NobodyThere extends BusUnavailable {
  constructor() {
    super(new Error('nobody answers there'));
  }
}

/** What is on the broker cannot be made into what the settings say. It was left alone. */
export class BusMisconfigured extends DomainError {
  constructor(message: string, cause?: unknown) {
    super('failed-precondition', 'BUS_MISCONFIGURED', message);
    this.cause = cause;
  }
}

/** Somebody else was faster: the message is not the last one of its subject any more. */
export class Overtaken extends Error {}

/** Codes of the JetStream API, by which its failures are told apart. */
export const API = {
  streamNotFound: 10059,
  streamNameInUse: 10058,
  consumerExists: 10148,
  consumerNotFound: 10014,
  wrongLastSequence: 10071,
  wrongStream: 10060,
} as const;

export const isApiError = (error: unknown, code: number): boolean =>
  error instanceof JetStreamApiError && error.code === code;

/** There is no such message, or none any more. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof JetStreamError && 'code' in error && error.code === 404;

/** What the client throws, as failures of ours. */
export async function asBusFailure<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw new BusUnavailable(error);
  }
}
