import type { Redis } from 'ioredis';
import type { Absence, Copy, CopyStore } from './store.ts';

const HEAD_BYTES = 9;
const FOUND = 1;

/** Of one aggregate, by who asked and for what; more than there are ways to ask for it by far. */
const MOST_VARIANTS = 50;

/** Forgets all of a hash that is full: which of its fields is the oldest nobody knows. */
const PUT = `
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  redis.call('DEL', KEYS[1])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
`;

/** Copies that all gateways share: a hash an aggregate, bounded. While Redis is away there are none. */
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
      await redis.eval(PUT, 1, keyOf(aggregate), variant, encode(copy), keep, MOST_VARIANTS).catch(() => null);
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
