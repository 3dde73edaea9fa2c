import type { Logger } from '@weft/kit/telemetry';
import { type Command, Redis, ReplyError } from 'ioredis';

/** The key space of this service: its user of Redis may touch no other. */
const KEYS = 'gateway:';
const COMMAND_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

type Stream = Parameters<Redis['sendCommand']>[1];

/** Tells a listener what Redis answers to each command. */
class HeardRedis extends Redis {
  answered: (command: string, error: unknown) => void = () => {};

  override sendCommand(command: Command, stream?: Stream): unknown {
    // What has no keys is about the connection, and an old Redis may not know it.
    if (command.getKeys().length > 0)
      command.promise.then(
        () => this.answered(command.name, undefined),
        (error: unknown) => this.answered(command.name, error),
      );
    return super.sendCommand(command, stream);
  }
}

/** A connection that never keeps anybody waiting: while Redis is away, or refuses it, each command fails at once. */
export function openRedis(url: string, logger: Logger): Redis {
  const redis = new HeardRedis(url, {
    keyPrefix: KEYS,
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
  redis.answered = refusals(logger);
  return redis;
}

class RedisUnavailable extends Error {
  override name = 'RedisUnavailable';
}

/** Throws RedisUnavailable while it is away. */
export async function checkRedis(redis: Redis): Promise<void> {
  try {
    await redis.ping();
  } catch (error) {
    throw new RedisUnavailable('redis does not answer', { cause: error });
  }
}

/** Says it once when Redis begins to refuse commands, and when it takes all of those again. Names no keys: they tell of callers. */
function refusals(logger: Logger) {
  const refused = new Set<string>();
  return (command: string, error: unknown): void => {
    const reason = error instanceof ReplyError ? String((error as Error).message).split(' ', 1)[0] : undefined;
    // A script that Redis has not seen yet is sent whole at once.
    if (reason !== undefined && reason !== 'NOSCRIPT') {
      if (refused.size === 0) logger.warn({ command, reason }, 'redis refuses commands; limits are counted in memory');
      refused.add(command);
    } else if (error === undefined && refused.delete(command) && refused.size === 0) {
      logger.warn({}, 'redis takes commands again');
    }
  };
}
