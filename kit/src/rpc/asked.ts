import { Metadata, type StatusObject, type status } from '@grpc/grpc-js';

/** A unary call to be made. */
export interface Asked {
  readonly path: string;
  readonly message: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Epoch milliseconds. */
  readonly deadline: number;
}

/** How a call ended. */
export interface Heard {
  readonly status: StatusObject;
  readonly response: Buffer | undefined;
  /** Some of an answer has come: what follows is its end. */
  readonly begun: boolean;
  /** The server has not looked at it. */
  readonly refused: boolean;
}

/** Ends a call; it is heard to end so. */
export type Cancel = (code: status, details: string) => void;

export function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}
