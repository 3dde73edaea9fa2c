import { type Saga, SagaKind, SagaState, StepState } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { fromTimestamp, type Timestamp } from '@weft/kit/time';
import { enumNames } from '../terminal/enum-names.ts';
import type { Clients } from './clients.ts';
import { statusName } from './follow.ts';
import type { Session } from './session.ts';

/** Something that a service did for an order. */
export interface TimelineEntry {
  /** When it was done; of a step that is not done yet, when it was last tried. */
  readonly time: Date | undefined;
  readonly service: string;
  readonly step: string;
  /** How the order, the saga or the step stood then. */
  readonly state: string;
  /** How often it was tried, forward and undoing; undefined of what is done in one transaction. */
  readonly attempts: number | undefined;
  readonly detail: string;
  /** Of the request that led to it. */
  readonly correlationId: string;
}

/** What is known of an order from its placement on, oldest first: its own history, and the sagas that carried it. */
export async function readTimeline(clients: Clients, session: Session, orderId: string): Promise<TimelineEntry[]> {
  const entries = [...(await orderEntries(clients, session, orderId))];
  for (const saga of await readSagas(clients, session, orderId)) entries.push(...sagaEntries(saga));
  return entries.sort((one, other) => (one.time?.getTime() ?? 0) - (other.time?.getTime() ?? 0));
}

async function orderEntries({ orders }: Clients, session: Session, orderId: string): Promise<TimelineEntry[]> {
  const entries: TimelineEntry[] = [];
  for (let pageToken = ''; ; ) {
    const request = { orderId, pageSize: 1000, pageToken };
    const page = await session.call((token) => orders.listOrderEvents(request, { token }));
    for (const { type, occurTime, status, reason, correlationId } of page.events) {
      const step = type.split('.').at(-1)?.replaceAll('_', ' ') ?? '';
      const state = statusName(status);
      entries.push({
        time: dateOf(occurTime),
        service: 'orders',
        step,
        state,
        attempts: undefined,
        detail: reason,
        correlationId,
      });
    }
    pageToken = page.nextPageToken;
    if (pageToken === '') return entries;
  }
}

async function readSagas({ checkout }: Clients, session: Session, orderId: string): Promise<Saga[]> {
  const sagas: Saga[] = [];
  for (let pageToken = ''; ; ) {
    const request = { orderId, state: SagaState.SAGA_STATE_UNSPECIFIED, pageSize: 1000, pageToken };
    const page = await session.call((token) => checkout.listSagas(request, { token }));
    for (const { sagaId } of page.sagas) {
      const { saga } = await session.call((token) => checkout.getSaga({ sagaId }, { token }));
      if (saga) sagas.push(saga);
    }
    pageToken = page.nextPageToken;
    if (pageToken === '') return sagas;
  }
}

const kindName = enumNames(SagaKind, 'SAGA_KIND_');
const stateName = enumNames(SagaState, 'SAGA_STATE_');
const stepName = enumNames(StepState, 'STEP_STATE_');

function sagaEntries({ kind, state, reason, steps, createTime, updateTime, correlationId }: Saga): TimelineEntry[] {
  const name = kindName(kind).toLowerCase().replaceAll('_', ' ');
  const own = { service: 'checkout', attempts: undefined, correlationId };
  const ended = state === SagaState.SAGA_STATE_COMPLETED || state === SagaState.SAGA_STATE_COMPENSATED;
  const entries: TimelineEntry[] = [
    { ...own, time: dateOf(createTime), step: `${name} begins`, state: 'RUNNING', detail: '' },
  ];
  for (const { name: step, service, state: stood, attempts, lastError, updateTime: time } of steps) {
    if (attempts === 0) continue;
    const how = stepName(stood);
    entries.push({ time: dateOf(time), service, step, state: how, attempts, detail: lastError, correlationId });
  }
  const end = stateName(state);
  if (ended) entries.push({ ...own, time: dateOf(updateTime), step: `${name} ends`, state: end, detail: reason });
  return entries;
}

function dateOf(time: Timestamp | undefined): Date | undefined {
  return time && fromTimestamp(time);
}
