import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '@weft/kit/testing';
import { freePorts } from '../src/system/free-ports.ts';
import { PORTS, systemAt } from './weft.ts';

jest.setTimeout(120_000);

describe('the timeline of an order', () => {
  let folder: string;
  let system: ReturnType<typeof systemAt>;
  let run: (typeof system)['run'];
  let json: (typeof system)['json'];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-timeline-'));
    system = systemAt(await freePorts(PORTS), join(folder, 'data'));
    ({ run, json } = system);
    await system.start();
  });
  afterAll(async () => {
    await system?.end('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  });

  it('shows an order with all that was done for it: each step, its service, its time, its attempts, and the request', async () => {
    const { result: placed } = await json('demo');
    const { code, result } = await json('order', placed.orderId, '--timeline');
    expect({ code, ...result }).toMatchObject({
      code: 0,
      status: 'COMPLETED',
      payment: 'CAPTURED',
      total: placed.total,
    });
    const { timeline } = result as { timeline: Record<string, unknown>[] };
    const done = { state: 'DONE', attempts: 1, detail: '' };
    const entries = [
      { service: 'orders', step: 'order placed', state: 'PLACED' },
      { service: 'checkout', step: 'place order begins', state: 'RUNNING' },
      { service: 'inventory', step: 'reserve', ...done },
      { service: 'payments', step: 'authorize', ...done },
      { service: 'shipping', step: 'ship', ...done },
      { service: 'payments', step: 'capture', ...done },
      { service: 'inventory', step: 'commit', ...done },
      { service: 'orders', step: 'order confirmed', state: 'CONFIRMED' },
      { service: 'orders', step: 'confirm', ...done },
      { service: 'checkout', step: 'place order ends', state: 'COMPLETED' },
      { service: 'orders', step: 'order completed', state: 'COMPLETED' },
    ];
    expect(timeline).toHaveLength(entries.length);
    for (const entry of entries) expect(timeline).toContainEqual(expect.objectContaining(entry));
    const times = timeline.map(({ time }) => String(time));
    expect(times).toEqual(times.toSorted());
    expect(new Set(timeline.map(({ correlationId }) => correlationId)).size).toBe(1);

    const { stdout } = await run(['order', placed.orderId, '--timeline']);
    expect(stdout).toMatch(/Order +[\s\S]+CAPTURED[\s\S]+Total[\s\S]+capture +DONE +1 attempt[\s\S]+Correlation/);
    expect(stdout).toContain(String(timeline[0]?.correlationId));
    expect((await run(['order', placed.orderId])).stdout).not.toContain('Timeline');
  });

  it('shows of an order without a coordinator what each service did about it, and how often it tried', async () => {
    const { result: placed } = await json('demo', '--style', 'choreographed', '--payment', 'tok_timeout_approved');
    const timeline = await eventually(async () => {
      const { result } = await json('order', placed.orderId, '--timeline');
      const found = result.timeline as Record<string, unknown>[];
      // The audit hears of it later.
      const unheard = found.filter(({ step, attempts }) => step !== 'order placed' && typeof attempts !== 'number');
      if (unheard.length > 0 || !found.some(({ step }) => step === 'stock committed'))
        throw new Error(`not recorded yet: ${JSON.stringify(unheard)}`);
      return found;
    }, 30_000);
    const steps = timeline.map(({ service, step }) => `${service}: ${step}`);
    expect(steps).toEqual(
      expect.arrayContaining([
        'orders: order placed',
        'inventory: stock reserved',
        'payments: payment authorized',
        'shipping: shipment created',
        'payments: payment captured',
        'inventory: stock committed',
        'orders: order confirmed',
      ]),
    );
    expect(new Set(steps).size).toBe(steps.length);
    expect(new Set(timeline.map(({ correlationId }) => correlationId)).size).toBe(1);
    const attempts = new Map(timeline.map(({ step, attempts }) => [step, attempts]));
    // A request did it.
    expect(attempts.get('order placed')).toBeUndefined();
    // The provider's first answer is lost.
    expect(attempts.get('payment authorized')).toBeGreaterThan(1);
    const { stdout } = await run(['order', placed.orderId, '--timeline']);
    expect(stdout).toMatch(/payment authorized +DONE +\d+ attempts/);
  });

  it('shows a step that was done and undone at both times', async () => {
    const { result: placed } = await json('demo', '--deliver-to', 'SIM-REFUSED', '--style', 'orchestrated');
    const { result } = await json('order', placed.orderId, '--timeline');
    const shown = (result.timeline as { step: string; state: string; attempts?: number }[])
      .filter(({ attempts = 0 }) => attempts > 0)
      .map(({ step, state }) => `${step} ${state}`);
    const entries = [
      'reserve DONE',
      'authorize DONE',
      'ship FAILED',
      'ship UNDONE',
      'authorize UNDONE',
      'reserve UNDONE',
    ];
    expect(shown.filter((one) => /^(reserve|authorize|ship) /.test(one))).toEqual(entries);
  });

  it('shows why an order was refused, and by whom', async () => {
    const { result: placed } = await json('demo', '--payment', 'tok_declined');
    const { result } = await json('order', placed.orderId, '--timeline');
    expect(result).toMatchObject({ status: 'REJECTED', reason: 'CARD_DECLINED', payment: 'DECLINED' });
    const refused = { service: 'payments', step: 'authorize', state: 'FAILED', detail: 'CARD_DECLINED' };
    expect(result.timeline).toContainEqual(expect.objectContaining(refused));
  });
});
