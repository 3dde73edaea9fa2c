import { Metadata, status } from '@grpc/grpc-js';
import type { Asked, Cancel, Heard } from './asked.ts';
import { attempt, type Line } from './attempt.ts';
import { MAX_ATTEMPTS } from './limits.ts';

/** Milliseconds before a call is tried again: each time twice as long. */
export const BACKOFF = { first: 50, longest: 500, factor: 2 };
const ATTEMPTS_HEADER = 'grpc-previous-rpc-attempts';

/** What is tried again: nothing; what no server has looked at; what found it unavailable as well. */
export type Retries = 'none' | 'refused' | 'unavailable';

/**
 * A unary call, until it has an answer: one that a server refused to look at goes out again at once, and once; one that found
 * it UNAVAILABLE after a pause, MAX_ATTEMPTS times in all.
 */
export function persist(line: Line, asked: Asked, retries: Retries, heard: (heard: Heard) => void): Cancel {
  let cancel: Cancel;
  let attempts = 1;
  let refused = false;

  const ask = () => {
    const headers = attempts === 1 ? asked.headers : { ...asked.headers, [ATTEMPTS_HEADER]: `${attempts - 1}` };
    cancel = attempt(line, { ...asked, headers }, end);
  };

  const end = (ending: Heard) => {
    if (retries === 'none' || ending.begun) return heard(ending);
    if (ending.refused && !refused) {
      refused = true;
      return ask();
    }
    if (retries !== 'unavailable' || ending.status.code !== status.UNAVAILABLE || attempts === MAX_ATTEMPTS)
      return heard(ending);
    const timer = setTimeout(
      () => {
        attempts += 1;
        ask();
      },
      pause(attempts, asked.deadline),
    );
    cancel = (code, details) => {
      clearTimeout(timer);
      heard({ ...ending, status: { code, details, metadata: new Metadata() } });
    };
  };

  ask();
  return (code, details) => cancel(code, details);
}

/** Ends with the deadline: what is asked then is told so. Source: gRPC proposal A6. */
function pause(attempts: number, deadline: number): number {
  const whole = Math.min(BACKOFF.longest, BACKOFF.first * BACKOFF.factor ** (attempts - 1));
  return Math.min(whole * (0.8 + Math.random() * 0.4), deadline - Date.now());
}
