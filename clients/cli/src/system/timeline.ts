import { AuditKind } from '@weft/gen/grpc/weft/audit/v1/audit';
import { type Saga, SagaKind, SagaState, type SagaStep, StepState } from '@weft/gen/grpc/weft/checkout/v1/checkout';
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
  /** How often it was tried until it came to this; undefined of what a request itself did, which is not tried again. */
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
  if (!sagas.some(({ kind }) => kind === SagaKind.SAGA_KIND_PLACE_ORDER)) {
    const heard = await auditEntries(clients, session, orderId);
    const isOwn = ({ service }: TimelineEntry) => service === 'orders';
    const attempts = new Map(heard.filter(isOwn).map(({ step, attempts }) => [step, attempts]));
    for (const [at, entry] of entries.entries())
      if (isOwn(entry)) entries[at] = { ...entry, attempts: attempts.get(entry.step) };
    entries.push(...heard.filter((entry) => !isOwn(entry)));
  }
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

/** Reservation, payment and shipment have the id of their order. What orders did about it is there as well, its attempts among it. */
async function auditEntries({ audit }: Clients, session: Session, orderId: string): Promise<TimelineEntry[]> {
  const entries: TimelineEntry[] = [];
  const which = { resourceId: orderId, kind: AuditKind.AUDIT_KIND_STATE_CHANGE };
  const all = { userId: '', service: '', action: '', correlationId: '', fromTime: undefined, toTime: undefined };
  const ask = (pageToken: string) =>
    session.call((token) => audit.listAuditEvents({ ...all, ...which, pageSize: PAGE, pageToken }, { token }));
  for await (const page of everyPage(ask)) {
    for (const { service, action, occurTime, correlationId, attempts } of page.auditEvents) {
      const step = stepOf(action).replace(/ choreographed$/, '');
      const done = { state: 'DONE', attempts: attempts === 0 ? undefined : attempts, detail: '' };
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
  for (const step of steps) if (step.attempts > 0) entries.push(...stepEntries(step, correlationId));
  const end = stateName(state);
  if (ended) entries.push({ ...own, time: dateOf(updateTime), step: `${name} ends`, state: end, detail: reason });
  return entries;
}

/** Of a step that is undone, or is to be, two: how it stood before, and what became of its undoing. */
function stepEntries(step: SagaStep, correlationId: string): TimelineEntry[] {
  const { name, service, state, attempts, lastError, updateTime, forwardState, forwardAttempts, forwardTime } = step;
  const entry = { service, step: name, correlationId };
  const last = { ...entry, time: dateOf(updateTime), detail: lastError };
  if (forwardState === StepState.STEP_STATE_UNSPECIFIED) return [{ ...last, state: stepName(state), attempts }];
  const refused = forwardState === StepState.STEP_STATE_FAILED;
  const undone = state === StepState.STEP_STATE_UNDONE;
  const forward = { state: stepName(forwardState), attempts: forwardAttempts, detail: refused ? lastError : '' };
  return [
    { ...entry, time: dateOf(forwardTime), ...forward },
    { ...last, state: undone ? 'UNDONE' : 'UNDOING', attempts: attempts - forwardAttempts },
  ];
}

const stepOf = (type: string): string => type.split('.').at(-1)?.replaceAll('_', ' ') ?? '';

function dateOf(time: Timestamp | undefined): Date | undefined {
  return time && fromTimestamp(time);
}
