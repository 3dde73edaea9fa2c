export { allEnded } from './all-ended.ts';
export { within } from './within.ts';

/** google.protobuf.Timestamp as generated for the services. */
export interface Timestamp {
  seconds: bigint;
  nanos: number;
}

export function toTimestamp(date: Date): Timestamp {
  const milliseconds = date.getTime();
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds: BigInt(seconds), nanos: (milliseconds - seconds * 1000) * 1_000_000 };
}

/** Cut to milliseconds. */
export function fromTimestamp({ seconds, nanos }: Timestamp): Date {
  return new Date(Number(seconds) * 1000 + Math.floor(nanos / 1_000_000));
}
