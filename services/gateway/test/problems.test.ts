import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import { RemoteError, status } from '@weft/kit/rpc';
import { type Edge, openEdge } from './fixture.ts';
import { ORDER_ID } from './stubs.ts';

let edge: Edge;
let failure: Error;
const fail = async () => {
  throw failure;
};
beforeAll(async () => {
  edge = await openEdge({ orders: { cancelOrder: fail }, catalog: { getProduct: fail } }, { CACHE: 'false' });
});
afterAll(() => edge?.stop());

it.each<[number, string, string, Error]>([
  [400, 'Bad Request', 'ODD', new DomainError('invalid-argument', 'ODD', 'odd')],
  [401, 'Unauthorized', 'SIGNED_OUT', new DomainError('unauthenticated', 'SIGNED_OUT', 'signed out')],
  [403, 'Forbidden', 'NOT_YOURS', new DomainError('permission-denied', 'NOT_YOURS', 'not yours')],
  [404, 'Not Found', 'ORDER_NOT_FOUND', new DomainError('not-found', 'ORDER_NOT_FOUND', 'none')],
  [409, 'Conflict', 'ORDER_COMPLETED', new DomainError('failed-precondition', 'ORDER_COMPLETED', 'it has left')],
  [409, 'Conflict', 'KEY_REUSED', new DomainError('already-exists', 'KEY_REUSED', 'used')],
  [412, 'Precondition Failed', 'VERSION_MISMATCH', new DomainError('aborted', 'VERSION_MISMATCH', 'changed')],
  [429, 'Too Many Requests', 'TOO_MANY', new DomainError('resource-exhausted', 'TOO_MANY', 'too many')],
  [499, 'Client Closed Request', 'CANCELLED', new RemoteError(status.CANCELLED, 'CANCELLED', 'given up')],
  [500, 'Internal Server Error', 'INTERNAL', new Error('the password is hunter2')],
  [503, 'Service Unavailable', 'BANK_AWAY', new DomainError('unavailable', 'BANK_AWAY', 'away')],
  [504, 'Gateway Timeout', 'DEADLINE_EXCEEDED', new RemoteError(status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED', 'late')],
])('tells %d, %s, as a problem with its reason %s', async (code, title, reason, thrown) => {
  failure = thrown;
  const headers = { 'x-correlation-id': `problem-${code}` };
  const path = `/api/v2/orders/${ORDER_ID}:cancel`;
  const answer = await edge.send(path, { method: 'POST', as: await edge.token(), body: '{}', headers });
  expect(answer.status).toBe(code);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.json).toMatchObject({ status: code, title, reason, instance: path, correlationId: `problem-${code}` });
  expect(answer.json.type).toBe(`urn:weft:problem:${reason.toLowerCase().replaceAll('_', '-')}`);
  expect(answer.headers.get('retry-after')).toBe([429, 503].includes(code) ? '1' : null);
  expect(answer.text).not.toContain('hunter2');
});
