import { AuditKind } from '@weft/gen/grpc/weft/audit/v1/audit';
import { type Saga, SagaKind, SagaState, StepState } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { fromTimestamp, type Timestamp } from '@weft/kit/time';
import { enumNames } from '../terminal/enum-names.ts';
import type { Clients } from './clients.ts';
import { statusName } from './follow.ts';
import { everyPage } from './pages.ts';
import type { Session } from './session.ts';

const PAGE = 1000;

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

/**
 * What is known of an order from its placement on, oldest first: its own history, and the sagas that carried it. Where no
 * coordinator placed it, what each service did about it, as the audit has heard so far.
 */
export async function readTimeline(clients: Clients, session: Session, orderId: string): Promise<TimelineEntry[]> {
  const entries = [...(await orderEntries(clients, session, orderId))];
  const sagas = await readSagas(clients, session, orderId);
  for (const saga of sagas) entries.push(...sagaEntries(saga));
  if (!sagas.some(({ kind }) => kind === SagaKind.SAGA_KIND_PLACE_ORDER))
    entries.push(...(await auditEntries(clients, session, orderId)));
  return entries.sort((one, other) => (one.time?.getTime() ?? 0) - (other.time?.getTime() ?? 0));
}

async function orderEntries({ orders }: Clients, session: Session, orderId: string): Promise<TimelineEntry[]> {
  const entries: TimelineEntry[] = [];
  const ask = (pageToken: string) =>
    session.call((token) => orders.listOrderEvents({ orderId, pageSize: PAGE, pageToken }, { token }));
  for await (const page of everyPage(ask)) {
    for (const { type, occurTime, status, reason, correlationId } of page.events) {
      const step = stepOf(type);
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
  }
  return entries;
}

/** Reservation, payment and shipment have the id of their order. */
async function auditEntries({ audit }: Clients, session: Session, orderId: string): Promise<TimelineEntry[]> {
  const entries: TimelineEntry[] = [];
  const which = { resourceId: orderId, kind: AuditKind.AUDIT_KIND_STATE_CHANGE };
  const all = { userId: '', service: '', action: '', correlationId: '', fromTime: undefined, toTime: undefined };
  const ask = (pageToken: string) =>
    session.call((token) => audit.listAuditEvents({ ...all, ...which, pageSize: PAGE, pageToken }, { token }));
  for await (const page of everyPage(ask)) {
    for (const { service, action, occurTime, correlationId } of page.auditEvents) {
      if (service === 'orders') continue;
      const step = stepOf(action).replace(/ choreographed$/, '');
      const done = { state: 'DONE', attempts: undefined, detail: '' };
      entries.push({ time: dateOf(occurTime), service, step, ...done, correlationId });
    }
  }
  return entries;
}

async function readSagas({ checkout }: Clients, session: Session, orderId: string): Promise<Saga[]> {
  const sagas: Saga[] = [];
  const which = { orderId, state: SagaState.SAGA_STATE_UNSPECIFIED };
  const ask = (pageToken: string) =>
    session.call((token) => checkout.listSagas({ ...which, pageSize: PAGE, pageToken }, { token }));
  for await (const page of everyPage(ask)) {
    for (const { sagaId } of page.sagas) {
      const { saga } = await session.call((token) => checkout.getSaga({ sagaId }, { token }));
      if (saga) sagas.push(saga);
    }
  }
  return sagas;
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

const stepOf = (type: string): string => type.split('.').at(-1)?.replaceAll('_', ' ') ?? '';

function dateOf(time: Timestamp | undefined): Date | undefined {
  return time && fromTimestamp(time);
}
