// Digits alone or in groups; not a part of a longer word, so that ids never match.
const DIGITS = /(?<![A-Za-z0-9-])\d+(?:[ ./-]\d+)*(?![A-Za-z0-9-])/g;
const SEPARATOR = /[ ./-]/;
const NOT_ASCII = /[^\0-\x7f]/;
const UUID = /^\d{8}(?:-\d{4}){3}-\d{12}$/;
const PREFIX = /^(?:2[2-7]|3[04-9]|4|5|6)/;
const MIN_DIGITS = 13;
const MAX_DIGITS = 19;
// Shorter groups are lists of sizes and the like; only the last group of a card's number may be shorter.
const MIN_GROUP = 3;

/** True when the text holds what passes for a payment card's number (length, prefix and Luhn digit), also between others. */
export function holdsCardNumber(text: string): boolean {
  if (text.length < MIN_DIGITS) return false;
  const plain = NOT_ASCII.test(text) ? inAscii(text) : text;
  for (const [digits] of plain.matchAll(DIGITS)) {
    if (digits.length >= MIN_DIGITS && !UUID.test(digits) && anyCard(digits.split(SEPARATOR))) return true;
  }
  return false;
}

const [ZERO, NINE, LOWER_A, LOWER_Z, DASH, FIRST_NOT_ASCII] = [0x30, 0x39, 0x61, 0x7a, 0x2d, 0x80];
const UUID_LENGTH = 36;
const UUID_DASHES: ReadonlySet<number> = new Set([8, 13, 18, 23]);

/** A quick look at UTF-8: false when it cannot be what `holdsCardNumber` finds. */
export function mayHoldCardNumber(bytes: Uint8Array, from: number, until: number): boolean {
  if (until - from < MIN_DIGITS) return false;
  // Most texts that come by are ids, and those are never taken for a card's number.
  if (until - from === UUID_LENGTH && isLikeUuid(bytes, from)) return false;
  let digits = 0;
  for (let at = from; at < until; at++) {
    const byte = bytes[at] as number;
    if (byte >= FIRST_NOT_ASCII) return true;
    if (byte >= ZERO && byte <= NINE) digits++;
  }
  return digits >= MIN_DIGITS;
}

/** Letters and digits in the groups of a UUID: all of it is one word, which is a UUID or has a letter. */
function isLikeUuid(bytes: Uint8Array, from: number): boolean {
  for (let place = 0; place < UUID_LENGTH; place++) {
    const byte = bytes[from + place] as number;
    if (UUID_DASHES.has(place) ? byte !== DASH : !isAlphanumeric(byte)) return false;
  }
  return true;
}

const isAlphanumeric = (byte: number): boolean =>
  (byte >= ZERO && byte <= NINE) || ((byte | 0x20) >= LOWER_A && (byte | 0x20) <= LOWER_Z);

/** Wide digits, dashes and spaces of all kinds as the plain ones. */
function inAscii(text: string): string {
  return text
    .normalize('NFKC')
    .replaceAll(/\p{Pd}/gu, '-')
    .replaceAll(/\p{Zs}/gu, ' ');
}

function anyCard(groups: readonly string[]): boolean {
  return groups.some((_, first) => {
    let number = '';
    for (let last = first; last < groups.length; last++) {
      const group = groups[last] ?? '';
      number += group;
      if (number.length > MAX_DIGITS) return false;
      if (number.length >= MIN_DIGITS && PREFIX.test(number) && passesLuhn(number)) return true;
      if (group.length < MIN_GROUP) return false;
    }
    return false;
  });
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
