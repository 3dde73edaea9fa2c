import type { Redis } from 'ioredis';
import type { Absence, Copy, CopyStore } from './store.ts';

const HEAD_BYTES = 9;
const FOUND = 1;

/** Copies that all gateways share: a hash an aggregate. While Redis is away there are none. */
export function redisCopies(redis: Redis): CopyStore {
  const keyOf = (aggregate: string) => `copy:${aggregate}`;
  return {
    async get(aggregate, variant) {
      try {
        const kept = await redis.hgetBuffer(keyOf(aggregate), variant);
        return kept ? decode(kept) : undefined;
      } catch {
        return undefined;
      }
    },
    async put(aggregate, variant, copy, keep) {
      const key = keyOf(aggregate);
      await redis
        .multi()
        .hset(key, variant, encode(copy))
        .pexpire(key, keep)
        .exec()
        .catch(() => null);
    },
    async end(aggregate) {
      await redis.del(keyOf(aggregate)).catch(() => 0);
    },
  };
}

function encode({ at, bytes, absent }: Copy): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeBigInt64BE(BigInt(at));
  head.writeUInt8(bytes ? FOUND : 0, 8);
  return Buffer.concat([head, bytes ?? Buffer.from(JSON.stringify(absent))]);
}

function decode(kept: Buffer): Copy | undefined {
  if (kept.length < HEAD_BYTES) return undefined;
  const at = Number(kept.readBigInt64BE());
  const rest = kept.subarray(HEAD_BYTES);
  return kept.readUInt8(8) === FOUND ? { at, bytes: rest } : { at, absent: JSON.parse(rest.toString()) as Absence };
}
