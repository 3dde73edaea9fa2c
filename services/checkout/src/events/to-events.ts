import * as schema from '@weft/gen/es/weft/checkout/v1/events_pb';
import {
  SagaCompensated,
  SagaCompensating,
  SagaCompleted,
  SagaStalled,
  SagaStarted,
} from '@weft/gen/grpc/weft/checkout/v1/events';
import { defineEvent, eventsOf } from '@weft/kit/events';
import type { OutgoingEvent } from '@weft/kit/store';
import { toTimestamp } from '@weft/kit/time';
import type { Saga } from '../domain/saga.ts';
import { KIND } from '../transport/messages.ts';

export const published = eventsOf(schema.file_weft_checkout_v1_events);

const started = defineEvent(SagaStarted, schema.SagaStartedSchema);
const compensating = defineEvent(SagaCompensating, schema.SagaCompensatingSchema);
const completed = defineEvent(SagaCompleted, schema.SagaCompletedSchema);
const compensated = defineEvent(SagaCompensated, schema.SagaCompensatedSchema);
const stalled = defineEvent(SagaStalled, schema.SagaStalledSchema);

/** The contract's events for what changed of a saga; of a new one its start. */
export function toEvents(before: Saga | undefined, after: Saga): OutgoingEvent[] {
  const { sagaId, version, orderId, reason, updatedAt } = after;
  const head = { sagaId, version, occurTime: toTimestamp(updatedAt), orderId };
  if (!before) return [started.create({ ...head, kind: KIND[after.kind] })];
  const events: OutgoingEvent[] = [];
  if (before.state === 'running' && after.state.startsWith('compensat'))
    events.push(compensating.create({ ...head, reason }));
  if (after.stalled && !before.stalled) {
    const step = after.steps.find((one, index) => one.lastError !== '' && one !== before.steps[index]);
    events.push(stalled.create({ ...head, step: step?.name ?? '', lastError: step?.lastError ?? '' }));
  }
  if (before.state === after.state) return events;
  if (after.state === 'completed') events.push(completed.create(head));
  if (after.state === 'compensated') events.push(compensated.create({ ...head, reason }));
  return events;
}
