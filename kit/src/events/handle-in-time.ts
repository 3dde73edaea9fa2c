import { within } from '../time/index.ts';
import type { ConsumerOptions, Delivery } from './bus.ts';
import type { Gate } from './gate.ts';

type Handling = Pick<Required<ConsumerOptions>, 'handle' | 'handleTimeoutMs'>;

/** Resolves when the handler does. @throws what it throws; Error when there is no outcome in time */
export async function handleInTime({ handle, handleTimeoutMs }: Handling, delivery: Delivery): Promise<void> {
  await within(handleTimeoutMs, handle(delivery), () => {
    throw new Error(`no outcome within ${handleTimeoutMs} ms`);
  });
}

/** The same when the gate has let it in. @returns false when `giveUp` fires before the handler has begun */
export async function handleAtGate(
  on: Handling & { readonly gate: Gate },
  delivery: Delivery,
  how: 'alone' | 'together',
  giveUp: AbortSignal,
): Promise<boolean> {
  const attempt = async () => {
    await handleInTime(on, delivery);
    return true;
  };
  return (await on.gate[how](attempt, giveUp)) ?? false;
}
