import { randomUUID } from 'node:crypto';
import { ScalarType } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PaymentsService } from '@weft/gen/es/weft/payments/v1/payments_pb';
import { anAuthorization, type BootedPayments, bootPayments, GBP } from './fixture.ts';

let shop: BootedPayments;
beforeAll(async () => {
  shop = await bootPayments();
});
afterAll(() => shop.stop());

const CARD = '4242 4242 4242 4242';

/** Every string field of a method's request, as its path in the generated code's names. */
const stringFields = PaymentsService.methods.flatMap((method) =>
  method.input.fields.flatMap((field) => {
    if (field.fieldKind === 'scalar' && field.scalar === ScalarType.STRING)
      return [[method.localName, field.localName]];
    if (field.fieldKind !== 'message') return [];
    const inner = field.message.fields.filter((one) => one.fieldKind === 'scalar' && one.scalar === ScalarType.STRING);
    return inner.map((one) => [method.localName, `${field.localName}.${one.localName}`]);
  }),
) as [string, string][];

/** The values of all columns of all tables of a database, as text. */
async function contents(database: BootedPayments['bus']): Promise<string> {
  const tables = await database.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`,
  );
  const text = (value: unknown) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value));
  let all = '';
  for (const { name } of tables) {
    for (const row of await database.query(`SELECT t::text, * FROM ${name} t`))
      all += Object.values(row).map(text).join('\n');
  }
  return all;
}

describe('payments', () => {
  it('has string fields to try a card number in', () => {
    expect(stringFields.length).toBeGreaterThanOrEqual(11);
  });

  it.each(stringFields)('refuses a card number: %s with %s', async (method, path) => {
    const admin = await shop.as({ user: { id: randomUUID(), roles: ['admin'] }, caller: 'checkout' });
    const [field, inner] = path.split('.') as [string, string | undefined];
    const request = { ...anAuthorization(), refundId: randomUUID() };
    const broken = { ...request, [field]: inner ? { ...GBP(1n), [inner]: CARD } : CARD };
    const call = admin[method as 'authorize'](broken);
    await expect(call).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      violations: [{ field: path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), rule: 'CARD_NUMBER' }],
    });
  });

  it('keeps the provider’s token and the card number nowhere: no table, event or log line', async () => {
    const token = `tok_secret_${randomUUID().replaceAll('-', '')}`;
    const wanted = anAuthorization(token);
    await expect(shop.checkout.authorize(wanted)).rejects.toMatchObject({ reason: 'UNKNOWN_TOKEN' });
    await expect(shop.checkout.authorize({ ...wanted, paymentMethodToken: CARD })).rejects.toBeDefined();
    await shop.events(wanted.paymentId);
    const kept = [await contents(shop.database('payments')), await contents(shop.bus), JSON.stringify(shop.logs)];
    expect(kept[0]).toContain(wanted.paymentId);
    expect(kept[1]).toContain(wanted.paymentId);
    expect(shop.logs.length).toBeGreaterThan(0);
    for (const text of kept) {
      expect(text.includes(token)).toBe(false);
      expect(text).not.toMatch(/4242\D?4242\D?4242/);
    }
  });
});
