import { within } from '../time/index.ts';
import type { ConsumerOptions, Delivery } from './bus.ts';

/** Resolves when the handler does. @throws what it throws; Error when there is no outcome in time */
export async function handleInTime(
  { handle, handleTimeoutMs }: Pick<Required<ConsumerOptions>, 'handle' | 'handleTimeoutMs'>,
  delivery: Delivery,
): Promise<void> {
  await within(handleTimeoutMs, handle(delivery), () => {
    throw new Error(`no outcome within ${handleTimeoutMs} ms`);
  });
}
