import type { Logger } from '@weft/kit/telemetry';
import { Redis } from 'ioredis';

const COMMAND_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** A connection that never keeps anybody waiting: while Redis is away each command fails at once. */
export function openRedis(url: string, logger: Logger): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_MS,
    connectTimeout: 2_000,
    retryStrategy: (times) => Math.min(LONGEST_PAUSE_MS, 50 * 2 ** Math.min(times, 8)),
  });
  let away = false;
  redis.on('error', (err: Error) => {
    if (!away) logger.warn({ err }, 'redis is away; limits and copies are kept in memory');
    away = true;
  });
  redis.on('ready', () => {
    if (away) logger.warn({}, 'redis is back');
    away = false;
  });
  return redis;
}
