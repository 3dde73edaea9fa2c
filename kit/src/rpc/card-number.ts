import { type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import type { FieldViolation } from '../failure/index.ts';
import { holdsCardNumber } from '../telemetry/index.ts';

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
