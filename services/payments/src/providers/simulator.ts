import { type Answer, type PaymentProvider, ProviderTimeout } from '../app/ports.ts';

/**
 * A payment provider without a card network. Its answers follow from the token and the number of the attempt alone, so that
 * they are the same after a restart. No money moves.
 *
 * | token                    | Authorize                                   | Capture                            |
 * | ------------------------ | ------------------------------------------- | ---------------------------------- |
 * | `tok_approved`           | approved                                    | taken                              |
 * | `tok_declined`           | declined: CARD_DECLINED                     |                                    |
 * | `tok_insufficient_funds` | declined: INSUFFICIENT_FUNDS                |                                    |
 * | `tok_timeout_approved`   | 1st attempt times out, then approved        | taken                              |
 * | `tok_timeout_declined`   | 1st attempt times out, then CARD_DECLINED   |                                    |
 * | `tok_capture_timeout`    | approved                                    | 1st attempt times out, then taken  |
 * | any other                | declined: UNKNOWN_TOKEN                     |                                    |
 *
 * Void and Refund always succeed.
 */
export const simulator: PaymentProvider = {
  async authorize({ key, token, attempt }) {
    const kind = token.replace(/^tok_/, '');
    const behaviour = Object.hasOwn(BEHAVIOURS, kind) ? BEHAVIOURS[kind] : undefined;
    if (behaviour?.timesOut && attempt === 1) throw new ProviderTimeout();
    const declined = behaviour ? behaviour.declined : 'UNKNOWN_TOKEN';
    return declined === undefined ? approved(kind, key) : { declined };
  },
  async capture({ reference, attempt }) {
    if (reference.startsWith(CAPTURE_TIMEOUT) && attempt === 1) throw new ProviderTimeout();
  },
  async void() {},
  async refund() {},
};

interface Behaviour {
  /** The first attempt has its effect, and its answer is lost. */
  readonly timesOut?: boolean;
  readonly declined?: string;
}

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  approved: {},
  declined: { declined: 'CARD_DECLINED' },
  insufficient_funds: { declined: 'INSUFFICIENT_FUNDS' },
  timeout_approved: { timesOut: true },
  timeout_declined: { timesOut: true, declined: 'CARD_DECLINED' },
  capture_timeout: {},
};

const approved = (kind: string, key: string): Answer => ({ approved: `sim_${kind}_${key}` });

const CAPTURE_TIMEOUT = 'sim_capture_timeout_';
