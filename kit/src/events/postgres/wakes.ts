/** Something of a type was published to a bucket. */
export interface Wake {
  readonly bucket: number;
  readonly type: string;
}

export const EVERYTHING = '*';
/** NOTIFY takes at most 8,000 bytes. */
const MAX_PAYLOAD = 7_000;

export function writeWakes(wakes: readonly Wake[]): string {
  const payload = [...new Set(wakes.map(({ bucket, type }) => `${bucket} ${type}`))].join('\n');
  return Buffer.byteLength(payload) > MAX_PAYLOAD ? EVERYTHING : payload;
}

export function readWakes(payload: string): Wake[] | 'all' {
  if (payload === EVERYTHING) return 'all';
  return payload.split('\n').map((line) => {
    const space = line.indexOf(' ');
    return { bucket: Number(line.slice(0, space)), type: line.slice(space + 1) };
  });
}
