import { randomInt, randomUUID } from 'node:crypto';
import { create, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { BatchGetProductsRequestSchema, CreateProductRequestSchema } from '@weft/gen/es/weft/catalog/v1/catalog_pb';
import { PlaceOrderRequestSchema } from '@weft/gen/es/weft/orders/v1/orders_pb';
import { holdsCardNumber, mayHoldCardNumber } from '@weft/kit/telemetry';
import fc from 'fast-check';
import { cardNumberViolations } from '../../src/rpc/card-number.ts';
import { contracts } from './contracts.ts';

// Published test numbers of the brands.
const CARDS: Readonly<Record<string, readonly string[]>> = {
  Visa: ['4111111111111111', '4012888888881881', '4242424242424242', '4222222222222', '4000000000000000006'],
  Mastercard: ['5555555555554444', '5105105105105100', '2223003122003222', '2720990000000007'],
  'American Express': ['378282246310005', '371449635398431', '378734493671000'],
  Discover: ['6011111111111117', '6011000990139424'],
  'Diners Club': ['30569309025904', '38520000023237', '36227206271667'],
  JCB: ['3530111333300000', '3566002020360505'],
  UnionPay: ['6200000000000005', '6205500000000000004'],
  Maestro: ['6759649826438453', '6304000000000000'],
};
const all = Object.entries(CARDS).flatMap(([brand, numbers]) => numbers.map((number) => [brand, number] as const));

/** As printed on cards. */
function grouped(number: string, separator: string): string {
  const groups =
    number.length === 15 ? /^(\d{4})(\d{6})(\d{5})$/ : number.length === 14 ? /^(\d{4})(\d{6})(\d{4})$/ : undefined;
  if (groups) return number.replace(groups, `$1${separator}$2${separator}$3`);
  return number.replaceAll(/(\d{4})(?=\d)/g, `$1${separator}`);
}

describe('a card number', () => {
  it.each(all)('of %s is found: %s', (_, number) => {
    for (const separator of ['', ' ', '-', '.', '/', '\u00a0', '\u2013']) {
      const text = grouped(number, separator);
      expect([text, holdsCardNumber(text)]).toEqual([text, true]);
      expect(holdsCardNumber(`pay with ${text}, please`)).toBe(true);
      expect(holdsCardNumber(`card:${text}.`)).toBe(true);
      expect(holdsCardNumber(`tok_${number}`)).toBe(true);
    }
  });

  it('is found in wide digits', () => {
    expect(holdsCardNumber('４２４２４２４２４２４２４２４２')).toBe(true);
    expect(holdsCardNumber('１２３４ 85123A')).toBe(false);
  });

  it('is found between other numbers', () => {
    expect(holdsCardNumber('4242 4242 4242 4242 12/26 123')).toBe(true);
    expect(holdsCardNumber('order 22 4242 4242 4242 4242')).toBe(true);
    expect(holdsCardNumber('17 4242-4242-4242-4242 1226')).toBe(true);
    expect(holdsCardNumber('4242424242424242 1226 123')).toBe(true);
  });

  it('is not what fails the check digit, is too short or too long, or begins as no card does', () => {
    const others = ['4111111111111112', '411111111111', '41111111111111111111', '1111111111111117', '0000000000000000'];
    expect(others.filter(holdsCardNumber)).toEqual([]);
  });

  it('is not a list of sizes, a telephone number, a time or a stock code', () => {
    const texts = [
      'sizes 36 38 40 42 44 46 48 50 52 54',
      '+44 20 7946 0958 or +49 30 901820',
      '2026-11-21 13:27:03',
      '1700000000000000000',
      '85123A-255',
      'C536379',
    ];
    expect(texts.filter(holdsCardNumber)).toEqual([]);
  });

  it('is never seen in a UUID, not even in one of digits alone', () => {
    const wrong: string[] = [];
    for (let count = 0; count < 100_000; count++) {
      const uuid = randomUUID();
      if (holdsCardNumber(uuid)) wrong.push(uuid);
    }
    expect(wrong).toEqual([]);
    expect(holdsCardNumber('41111111-1111-1111-1111-111111111111')).toBe(false);
    expect(holdsCardNumber('tok 41111111-1111-1111-5555-555555555555, 42')).toBe(false);
  });

  it('is never seen in a product id', () => {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
    const wrong: string[] = [];
    for (let count = 0; count < 100_000; count++) {
      const letter = letters[randomInt(26)];
      const [code, price] = [randomInt(10_000, 100_000), randomInt(1, 100_000)];
      for (const id of [`${code}${letter}-${price}`, `${code}-${price}`, `P-${randomUUID().slice(0, 8)}`])
        if (holdsCardNumber(id)) wrong.push(id);
    }
    expect(wrong).toEqual([]);
  });
});

interface TextField {
  /** As a violation names it. */
  readonly name: string;
  /** A message in which it alone is set. */
  readonly holding: (text: string) => Record<string, unknown>;
}

/** Every text field of a message, those of its parts included. */
function textFields(message: DescMessage): TextField[] {
  return message.fields.flatMap((field): TextField[] => {
    const { name, localName } = field;
    const isText = (scalar: ScalarType | undefined) => scalar === ScalarType.STRING;
    if (field.fieldKind === 'scalar' && isText(field.scalar))
      return [{ name, holding: (text: string) => ({ [localName]: text }) }];
    if (field.fieldKind === 'message')
      return textFields(field.message).map((inner) => ({
        name: `${name}.${inner.name}`,
        holding: (text: string) => ({ [localName]: inner.holding(text) }),
      }));
    if (field.fieldKind !== 'list') return [];
    if (field.listKind === 'message')
      return textFields(field.message).map((inner) => ({
        name: `${name}[0].${inner.name}`,
        holding: (text: string) => ({ [localName]: [inner.holding(text)] }),
      }));
    return isText(field.scalar) ? [{ name: `${name}[0]`, holding: (text: string) => ({ [localName]: [text] }) }] : [];
  });
}

describe('a request', () => {
  const card = '4111 1111 1111 1111';
  const violation = (field: string) => ({
    field,
    rule: 'card_number',
    description: expect.stringContaining('must not hold'),
  });

  it('is told each field that holds a card number, also in lists and in what is nested', () => {
    const order = create(PlaceOrderRequestSchema, {
      idempotencyKey: `pay ${card}`,
      lines: [{ productId: 'A' }, { productId: card.replaceAll(' ', '') }],
      paymentMethodToken: 'tok_approved',
    });
    const expected = [violation('idempotency_key'), violation('lines[1].product_id')];
    expect(cardNumberViolations(PlaceOrderRequestSchema, order)).toEqual(expected);
    const batch = create(BatchGetProductsRequestSchema, { productIds: ['A', card, 'B'] });
    expect(cardNumberViolations(BatchGetProductsRequestSchema, batch)).toEqual([violation('product_ids[1]')]);
    const product = create(CreateProductRequestSchema, { title: 'A', price: { currencyCode: card } });
    expect(cardNumberViolations(CreateProductRequestSchema, product)).toEqual([violation('price.currency_code')]);
  });

  it('is refused one in any text field of any method', () => {
    const methods = contracts.flatMap(({ descriptor }) => descriptor.methods);
    const fields = methods.flatMap(({ input }) => textFields(input).map((field) => ({ input, ...field })));
    expect(fields.length).toBeGreaterThan(methods.length);
    for (const { input, name, holding } of fields) {
      const violations = cardNumberViolations(input, create(input, holding(card)));
      expect([input.typeName, violations]).toEqual([input.typeName, [violation(name)]]);
    }
  });

  it('without one is told nothing', () => {
    const order = create(PlaceOrderRequestSchema, {
      idempotencyKey: randomUUID(),
      customerId: randomUUID(),
      lines: [{ productId: '85123A-255', quantity: 4111111111111111n }],
      paymentMethodToken: 'tok_approved',
    });
    expect(cardNumberViolations(PlaceOrderRequestSchema, order)).toEqual([]);
  });
});

describe('the quick look for card numbers', () => {
  const may = (text: string) => mayHoldCardNumber(Buffer.from(text), 0, Buffer.byteLength(text));

  it('passes over ids, and texts without enough digits', () => {
    for (const text of [randomUUID(), '4111', 'a lantern', 'x'.repeat(500)]) expect(may(text)).toBe(false);
  });

  it('never passes over what the search finds, also where dashes stand as in an id', () => {
    const shapes = [
      'card  00-4111-1111-1111-1111 thanks!',
      '       0-4111-1111-1111-1111 12/29  ',
      '４１１１１１１１１１１１１１１１',
    ];
    for (const text of shapes) expect([text, holdsCardNumber(text), may(text)]).toEqual([text, true, true]);
    const part = fc.oneof(
      fc.constantFrom(...Object.values(CARDS).flat()),
      fc.constantFrom('-', ' ', '.', '/', '00-', 'card ', '4111-1111-1111-1111', '12345678-'),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        for (const text of [parts.join(''), parts.join('').padEnd(36), parts.join('').padStart(36)]) {
          if (holdsCardNumber(text)) expect([text, may(text)]).toEqual([text, true]);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
