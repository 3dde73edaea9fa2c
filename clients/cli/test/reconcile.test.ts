import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Evidence } from '../src/replay/evidence.ts';
import { planReplay } from '../src/replay/plan.ts';
import { reconcile } from '../src/replay/reconcile.ts';
import type { Column } from '../src/shop/file.ts';
import { replayPerfectly } from './perfect-shop.ts';
import { shopFile } from './shop-lines.ts';

type Lines = readonly Partial<Record<Column, string>>[];

async function replayed(lines: Lines, rejected: readonly string[] = []) {
  const plan = await planReplay(shopFile(lines));
  const { untaken, deeds, evidence } = replayPerfectly(plan, new Set(rejected));
  const check = (changed: Partial<Evidence> = {}) => reconcile(plan, untaken, deeds, { ...evidence, ...changed });
  return { plan, untaken, deeds, evidence, check };
}

const SALES: Lines = [
  { invoice: '1', quantity: '6' },
  { invoice: '1', code: '22960', price: '4.25', quantity: '2' },
  { invoice: '2', quantity: '10', price: '2.10' },
  { invoice: '2', code: 'POST', price: '18' },
  { invoice: 'C3', quantity: '-8' },
  { invoice: 'C3', code: '22961', quantity: '-1' },
];

/** Every number and text of the servers' answers, each with a way to answer wrongly. */
function leavesOf(evidence: Evidence): { path: string; twist: () => void }[] {
  const leaves: { path: string; twist: () => void }[] = [];
  const walk = (node: object, path: string) => {
    const entries: [string | number, unknown][] = node instanceof Map ? [...node] : Object.entries(node);
    for (const [key, value] of entries) {
      const at = `${path}/${key}`;
      const set = (wrong: unknown) =>
        node instanceof Map ? node.set(key, wrong) : Object.assign(node, { [key]: wrong });
      if (typeof value === 'bigint') {
        leaves.push(
          { path: `${at} + 1`, twist: () => set(value + 1n) },
          { path: `${at} - 1`, twist: () => set(value - 1n) },
        );
      } else if (typeof value === 'boolean') leaves.push({ path: at, twist: () => set(!value) });
      else if (typeof value === 'string' && key !== 'reason' && key !== 'orderId')
        leaves.push({ path: at, twist: () => set(`${value}?`) });
      else if (typeof value === 'object' && value !== null) walk(value, at);
    }
  };
  walk(evidence, '');
  return leaves;
}

describe('a reconciliation', () => {
  it('holds when the servers say what the file says', async () => {
    const { check } = await replayed(SALES);
    const result = check();
    expect(result.differences).toEqual([]);
    expect(result.captured).toEqual({ file: 4480n, orders: 4480n, servers: 4480n });
    // Six pieces at the price of the return, two at the other price: what was paid is refunded.
    expect(result.refunded).toEqual({ file: 1950n, orders: 1950n, servers: 1950n });
    expect(result.pieces).toEqual({ file: 10n, orders: 10n, servers: 10n });
    expect(result.otherPrice).toEqual({ lines: 1, difference: 90n });
    expect(result.lines).toEqual({ inFile: 6, taken: 4, partly: 0, untaken: 2 });
  });

  it('lists what was not taken in the order of the file, a part of a line too', async () => {
    const { check } = await replayed([{ quantity: '3' }, { invoice: 'C2', quantity: '-5' }, { code: 'M' }]);
    const { untaken, lines, reconciled } = check();
    expect(untaken).toMatchObject([
      { line: 3, quantity: -2n, reason: 'NO_EARLIER_SALE' },
      { line: 4, quantity: 6n, reason: 'FEE_CODE' },
    ]);
    expect({ lines, reconciled }).toEqual({ lines: { inFile: 3, taken: 1, partly: 1, untaken: 1 }, reconciled: true });
  });

  it('holds with orders that were rejected, and lists their lines with the reason', async () => {
    const { check } = await replayed(SALES, ['2']);
    const { reconciled, orders, untaken } = check();
    expect({ reconciled, orders: [...orders] }).toEqual({
      reconciled: true,
      orders: [
        ['COMPLETED', 1],
        ['REJECTED', 1],
      ],
    });
    expect(untaken).toContainEqual(
      expect.objectContaining({ line: 4, reason: 'ORDER_REJECTED', detail: 'OUT_OF_STOCK' }),
    );
  });

  it('finds a wrong penny, piece or word anywhere in what the servers say', async () => {
    const { evidence } = await replayed(SALES, ['2']);
    const completedOnly = await replayed(SALES);
    for (const [rejected, { length }] of [
      [['2'], leavesOf(evidence)],
      [[], leavesOf(completedOnly.evidence)],
    ] as const) {
      for (let index = 0; index < length; index += 1) {
        const { check, evidence: fresh } = await replayed(SALES, rejected);
        const leaf = leavesOf(fresh)[index];
        leaf?.twist();
        expect({ leaf: leaf?.path, reconciled: check().reconciled }).toEqual({ leaf: leaf?.path, reconciled: false });
      }
    }
  });

  it('finds an order, a payment, a shipment or a stock code that is missing, and an order too many', async () => {
    const { evidence, check } = await replayed(SALES);
    const without = <T>(map: ReadonlyMap<string, T>) => new Map([...map].slice(1));
    expect(check({ orders: without(evidence.orders) }).reconciled).toBe(false);
    expect(check({ payments: without(evidence.payments) }).reconciled).toBe(false);
    expect(check({ shipments: without(evidence.shipments) }).reconciled).toBe(false);
    expect(check({ stockAfter: without(evidence.stockAfter) }).reconciled).toBe(false);
    expect(check({ strangers: ['order-9'] }).reconciled).toBe(false);
  });

  it('finds money kept for an order that was rejected', async () => {
    const { evidence, check } = await replayed(SALES, ['2']);
    const kept = { status: 'CAPTURED', currency: 'GBP', amount: 2100n, captured: 2100n, refunded: 0n };
    expect(check({ payments: new Map([...evidence.payments, ['order-2', kept]]) }).reconciled).toBe(false);
  });

  it('finds a shipment that has left for an order that was rejected', async () => {
    const { evidence, check } = await replayed(SALES, ['2']);
    const left = { status: 'DISPATCHED', lines: [] };
    expect(check({ shipments: new Map([...evidence.shipments, ['order-2', left]]) }).reconciled).toBe(false);
  });

  it('does not hold when an invoice was not accepted, though its lines are listed', async () => {
    const { plan, untaken } = await replayed([]);
    const refused = {
      line: 2,
      invoice: '1',
      code: 'x',
      quantity: 1n,
      reason: 'ORDER_REFUSED',
      detail: 'PRODUCT_NOT_FOUND',
    } as const;
    const none = {
      orders: new Map(),
      payments: new Map(),
      shipments: new Map(),
      stockBefore: new Map(),
      stockAfter: new Map(),
      strangers: [],
    };
    const records = { ...plan, records: [{ line: 2, pieces: 1n }] };
    const { differences } = reconcile(records, [...untaken, refused], { placed: [], returned: [] }, none);
    expect(differences).toEqual([{ what: 'invoice 1', file: 'accepted', servers: 'refused: PRODUCT_NOT_FOUND' }]);
  });

  it('finds a line that is neither taken nor listed', async () => {
    const { plan, untaken, deeds, evidence } = await replayed(SALES);
    expect(reconcile(plan, untaken.slice(1), deeds, evidence).reconciled).toBe(false);
  });

  it('holds for any shop without a fault, and for none with one', async () => {
    const line = fc.record({
      invoice: fc.constantFrom('1', '2', '3', '4', 'C5', 'C6', '7', 'C8'),
      code: fc.constantFrom('22960', '22961', 'POST'),
      quantity: fc.integer({ min: 1, max: 30 }),
      price: fc.constantFrom('1.05', '0.99', '0'),
      customer: fc.constantFrom('10', '10', '11', ''),
    });
    const rejected = fc.subarray(['1', '2', '3', '4', '7']);
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 30 }), rejected, fc.nat(), async (drawn, refused, fault) => {
        // One customer an invoice, as in the file.
        const customers = new Map(drawn.map(({ invoice, customer }) => [invoice, customer]));
        const lines = drawn.map((one) => ({
          ...one,
          customer: customers.get(one.invoice) ?? '',
          quantity: `${one.invoice.startsWith('C') ? '-' : ''}${one.quantity}`,
        }));
        const { check, evidence } = await replayed(lines, refused);
        expect(check().differences).toEqual([]);
        const leaves = leavesOf(evidence);
        if (leaves.length === 0) return;
        leaves[fault % leaves.length]?.twist();
        expect(check().reconciled).toBe(false);
      }),
    );
  });
});
