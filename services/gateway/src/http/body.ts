import { DomainError } from '@weft/kit/failure';
import { MAX_MESSAGE_BYTES } from '@weft/kit/rpc';
import { Cancelled } from '../resilience/cancelled.ts';
import type { Request } from './request.ts';

/** A body larger than any message may be. */
export class BodyTooLarge extends DomainError {
  constructor() {
    super('invalid-argument', 'BODY_TOO_LARGE', `a body may have ${MAX_MESSAGE_BYTES} bytes`);
  }
}

/** A body that did not come in time. */
export class BodyTooSlow extends DomainError {
  constructor() {
    super('invalid-argument', 'BODY_TOO_SLOW', 'the body did not come in time');
  }
}

/** Reads a whole body. Throws BodyTooLarge before more than that was read, BodyTooSlow, Cancelled. */
export function readBody(request: Request, withinMs: number): Promise<Buffer> {
  const { 'content-length': length } = request.headers;
  if (Number(length) > MAX_MESSAGE_BYTES) throw new BodyTooLarge();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let settled = false;
    const slow = setTimeout(() => fail(() => new BodyTooSlow()), withinMs);
    const settle = (act: () => void) => {
      if (settled) return;
      settled = true;
      clearTimeout(slow);
      request.removeAllListeners('data');
      act();
    };
    // Every request closes in the end: an error that nobody hears is not worth its stack.
    const fail = (make: () => Error) =>
      settle(() => {
        request.pause();
        reject(make());
      });
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_MESSAGE_BYTES) return fail(() => new BodyTooLarge());
      chunks.push(chunk);
    });
    request.once('end', () =>
      settle(() => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))),
    );
    request.once('error', () => fail(() => new Cancelled()));
    request.once('close', () => fail(() => new Cancelled()));
  });
}
