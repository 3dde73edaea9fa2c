import { type DescMessage, fromBinary, type Message } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import type { Validator } from '@bufbuild/protovalidate';
import type { FieldViolation } from '../failure/index.ts';
import { cardNumberViolations } from './card-number.ts';
import { compileRules } from './rules.ts';
import { walkWire } from './wire.ts';

/** A request as it came in: decoded when it could be. */
export interface Incoming<T> {
  readonly bytes: Uint8Array;
  readonly decoded: { readonly message: T } | { readonly malformed: FieldViolation };
  /** The contract's rules that it breaks; asked for once the caller is known. */
  violations(): readonly FieldViolation[] | Promise<readonly FieldViolation[]>;
}

/** Decodes a request for its handler. Never throws: grpc-js would answer INTERNAL. */
export function requestDecoder<T extends object>(
  input: DescMessage,
  decode: (bytes: Buffer) => T,
): (bytes: Buffer) => Incoming<T> {
  let keepsRules: ((message: object) => boolean) | undefined;
  // With the first call: a start need not wait for the rules of all methods.
  const keepsAll = (message: object): boolean => {
    keepsRules ??= compileRules(input) ?? (() => false);
    return keepsRules(message);
  };
  return (bytes) => {
    try {
      const { malformed, mayHoldCardNumber } = walkWire(input, bytes);
      if (malformed) return refused(bytes, malformed);
      const message = decode(bytes);
      const violations = () => (!mayHoldCardNumber && keepsAll(message) ? NONE : contractViolations(input, bytes));
      return { bytes, decoded: { message }, violations };
    } catch {
      return refused(bytes, UNDECODABLE);
    }
  };
}

function refused(bytes: Uint8Array, malformed: FieldViolation): Incoming<never> {
  return { bytes, decoded: { malformed }, violations: () => [malformed] };
}

const NONE: readonly FieldViolation[] = [];
const UNDECODABLE: FieldViolation = { field: '', rule: 'wire', description: 'is not an encoded message' };
const MAX_VIOLATIONS = 20;
const SEARCHED_BYTES = 64 * 1024;

const patterns = new Map<string, RegExp>();

let validator: Promise<Validator> | undefined;

// The patterns are those of our contracts, which have no nested repetition, so JavaScript's engine is safe and faster than RE2.
async function loadValidator(): Promise<Validator> {
  // Only who breaks a rule waits for loading it.
  const { createValidator } = await import('@bufbuild/protovalidate');
  return createValidator({
    regexMatch: (pattern, text) => {
      const regex = patterns.get(pattern) ?? new RegExp(pattern, 'u');
      patterns.set(pattern, regex);
      return regex.test(text);
    },
  });
}

/** Applies the contract's rules to a request's bytes. An empty list means that it keeps them all. */
export async function contractViolations(input: DescMessage, bytes: Uint8Array): Promise<readonly FieldViolation[]> {
  let message: Message;
  try {
    message = fromBinary(input, bytes, { readUnknownFields: false });
  } catch {
    return [UNDECODABLE];
  }
  const broken = await ruleViolations(input, message);
  // What breaks a rule is refused anyway; a few megabytes of digits are not worth the search.
  if (broken.length > 0 && bytes.length > SEARCHED_BYTES) return broken;
  const cards = cardNumberViolations(input, message);
  return cards.length > 0 ? cards.slice(0, MAX_VIOLATIONS) : broken;
}

async function ruleViolations(input: DescMessage, message: Message): Promise<readonly FieldViolation[]> {
  validator ??= loadValidator();
  const result = (await validator).validate(input, message);
  if (result.kind === 'error') throw result.error;
  if (result.kind === 'valid') return [];
  return result.violations.slice(0, MAX_VIOLATIONS).map((violation) => ({
    field: pathToString(violation.field),
    rule: violation.ruleId,
    description: violation.message,
  }));
}
