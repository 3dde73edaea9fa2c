import { periodic, type ServiceRuntime, type Worker } from '@weft/kit/module';
import type { CheckoutStore } from '../app/ports.ts';
import type { SagaKind, SagaState } from '../domain/saga.ts';

type Runtime = Pick<ServiceRuntime<Record<string, never>, unknown>, 'measurement' | 'logger' | 'now'>;

const EVERY_MS = 15_000;
const STATES: readonly SagaState[] = ['running', 'compensating'];

/** How many sagas are open, how many of them wait for somebody, and since when, by what they do and where they are. */
export function sagaMetrics(
  store: Pick<CheckoutStore, 'open'>,
  kinds: readonly SagaKind[],
  { measurement, logger, now }: Runtime,
): Worker {
  const measuring = measurement('sagas');
  const open = measuring.gauge('weft.saga.open', { description: 'Sagas that have not ended' });
  const stalled = measuring.gauge('weft.saga.stalled', {
    description: 'Of these, those that have failed ten times in a row: somebody should look',
  });
  const age = measuring.gauge('weft.saga.age', { unit: 's', description: 'Age of the oldest of them' });
  const look = async () => {
    const found = await store.open();
    for (const kind of kinds) {
      for (const state of STATES) {
        const one = found.find((row) => row.kind === kind && row.state === state);
        const labels = { 'weft.saga.kind': kind, 'weft.saga.state': state };
        open.record(one?.count ?? 0, labels);
        stalled.record(one?.stalled ?? 0, labels);
        age.record(one ? Math.max(0, now().getTime() - one.oldest.getTime()) / 1000 : 0, labels);
      }
    }
  };
  return periodic(
    EVERY_MS,
    () => measuring.run(look),
    (err) => logger.debug({ err }, 'open sagas not measured'),
  );
}
