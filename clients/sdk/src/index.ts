export { createWeft, type Weft, type WeftOptions } from './client.ts';
export { type FieldViolation, WeftError } from './failure.ts';
export type { RetryOptions } from './retry.ts';
export type { Session, SessionOptions, TokenStore, Tokens } from './session.ts';
export type { Patience } from './waiting.ts';
