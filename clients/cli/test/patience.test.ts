import { Code, ConnectError } from '@connectrpc/connect';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { WeftError } from '@weft/client';
import { RemoteError } from '@weft/kit/rpc';
import { passes, persist } from '../src/system/patience.ts';
import { fail, notFound, scripted, unavailable } from './failures.ts';

const patience = (limit = 5000, signal = new AbortController().signal) => ({ limit, signal });

describe('patience', () => {
  it('does work again while its failure passes', async () => {
    const work = scripted(fail(unavailable()), fail(unavailable()), () => 'done');
    await expect(persist(patience(), async () => work.next())).resolves.toBe('done');
    expect(work.calls()).toBe(3);
  });

  it('does not do work again that was refused', async () => {
    const work = scripted(fail(notFound('PRODUCT_NOT_FOUND')), () => 'done');
    await expect(persist(patience(), async () => work.next())).rejects.toMatchObject({ reason: 'PRODUCT_NOT_FOUND' });
    expect(work.calls()).toBe(1);
  });

  it('ends at its limit, with the last failure', async () => {
    const work = scripted(fail(unavailable()));
    await expect(persist(patience(300), async () => work.next())).rejects.toMatchObject({ reason: 'UNAVAILABLE' });
    expect(work.calls()).toBeGreaterThan(1);
  });

  it('ends at once, with its reason, when there is no point in going on', async () => {
    const control = new AbortController();
    const work = persist(patience(60_000, control.signal), async () => fail(unavailable())());
    control.abort(new Error('the system ended'));
    await expect(work).rejects.toThrow('the system ended');
  });

  it.each([
    ['UNAVAILABLE', 'No connection established', true],
    ['DEADLINE_EXCEEDED', 'Deadline exceeded', true],
    ['INTERNAL', 'Received RST_STREAM with code 2 triggered by internal client error: read ECONNRESET', true],
    ['INTERNAL', 'internal error', false],
    ['NOT_FOUND', 'no such order', false],
    ['PERMISSION_DENIED', 'not yours', false],
  ] as const)('takes %s (%s) for something that passes: %s', (code, message, expected) => {
    expect(passes(new RemoteError(status[code], code, message))).toBe(expected);
  });

  it('takes what a gateway says as it takes what a service says', () => {
    expect(passes(new WeftError(new ConnectError('no service answers', Code.Unavailable)))).toBe(true);
    expect(passes(new WeftError(new ConnectError('not yours', Code.PermissionDenied)))).toBe(false);
  });

  it('ends at once where it would have to wait for longer than its limit', async () => {
    const spent = new ConnectError('too many calls', Code.ResourceExhausted, { 'retry-after': '3600' });
    const work = scripted(fail(new WeftError(spent)), () => 'done');
    await expect(persist(patience(), async () => work.next())).rejects.toMatchObject({ reason: 'RESOURCE_EXHAUSTED' });
    expect(work.calls()).toBe(1);
  });

  it('takes an internal error of a service for its last word, whatever its text', () => {
    expect(passes(new RemoteError(status.INTERNAL, 'LEDGER_BROKEN', 'connection to the ledger'))).toBe(false);
    expect(passes(new Error('ECONNRESET'))).toBe(false);
  });
});
