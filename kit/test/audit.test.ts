import { expect, it } from '@jest/globals';
import { CatalogService } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { CallAudited } from '@weft/gen/grpc/weft/audit/v1/events';
import { auditTrail } from '@weft/kit/audit';
import { type EndedCall, type MethodContract, methodContracts, status } from '@weft/kit/rpc';
import type { OutgoingEvent } from '@weft/kit/store';
import { newTrace } from '@weft/kit/telemetry';
import { pino } from 'pino';

const method = methodContracts(CatalogService).updateProduct as MethodContract;

const refused = (userId: string): EndedCall => ({
  side: 'server',
  method,
  context: { correlationId: 'c', trace: newTrace(false), deadline: Number.POSITIVE_INFINITY },
  startTime: 0,
  duration: 1,
  outcome: { code: status.PERMISSION_DENIED, reason: 'ROLE_MISSING', message: '', unexpected: false } as never,
  userId,
});

it('refusals that cannot be told stay as few as those that can, however long it takes, and none is forgotten', async () => {
  let away = true;
  let told: readonly OutgoingEvent[] = [];
  const save = async (events: readonly OutgoingEvent[]) => {
    if (away) throw new Error('the bus is away');
    told = events;
  };
  const trail = auditTrail({ service: 'catalog', save, logger: pino({ level: 'silent' }), now: Date.now });
  for (let second = 0; second < 40; second++) {
    for (let user = 0; user < 60; user++) trail.observe(refused(`user-${second}-${user}`));
    await trail.flush();
  }
  away = false;
  await trail.stop();
  expect(told.length).toBeLessThanOrEqual(51);
  const counts = told.map(({ payload }) => CallAudited.decode(payload).count);
  expect(counts.reduce((sum, count) => sum + count, 0n)).toBe(40n * 60n);
});
