import { type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import type { FieldViolation } from '../failure/index.ts';

// 13 to 19 digits that begin like a card's, alone or in groups; not a part of a longer word, so that ids never match.
const CANDIDATE = /(?<![\w-])(?:3[0-9]|4|5[0-9]|6[0-9]|2[2-7])(?:[ -]?\d){11,18}(?![\w-])/g;

/** True when the text holds what passes for a payment card's number (length, prefix and Luhn digit). */
export function holdsCardNumber(text: string): boolean {
  if (text.length < 13) return false;
  for (const [candidate] of text.matchAll(CANDIDATE)) {
    const digits = candidate.replace(/[ -]/g, '');
    if (digits.length >= 13 && digits.length <= 19 && passesLuhn(digits)) return true;
  }
  return false;
}

/** The fields of a message that hold a card number. It is refused wherever it is sent, so that it is stored nowhere. */
export function cardNumberViolations(schema: DescMessage, message: Message, path = ''): FieldViolation[] {
  const reflected = reflect(schema, message);
  return reflected.sortedFields.flatMap((field) => {
    const name = path === '' ? field.name : `${path}.${field.name}`;
    if (!reflected.isSet(field)) return [];
    if (field.fieldKind === 'scalar' && field.scalar === ScalarType.STRING)
      return check(reflected.get(field) as string, name);
    if (field.fieldKind === 'message') return cardNumberViolations(field.message, reflected.get(field).message, name);
    if (field.fieldKind !== 'list') return [];
    const items = [...reflected.get(field)];
    if (field.listKind === 'message') {
      const { message: item } = field;
      return items.flatMap((one, index) =>
        cardNumberViolations(item, (one as { message: Message }).message, `${name}[${index}]`),
      );
    }
    return items.flatMap((one, index) => (typeof one === 'string' ? check(one, `${name}[${index}]`) : []));
  });
}

function check(text: string, field: string): FieldViolation[] {
  if (!holdsCardNumber(text)) return [];
  return [
    { field, rule: 'card_number', description: 'must not hold a card number: send the payment provider’s token' },
  ];
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    const digit = Number(digits[digits.length - 1 - place]);
    const doubled = digit * 2;
    sum += place % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
