import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** Together they bound a call: one that has to connect first fails after two seconds. */
const CONNECT_WITHIN_MS = 1_000;
const ANSWER_WITHIN_MS = 1_000;
/** Between two attempts to connect. Calls that come meanwhile wait for the next attempt and share its outcome. */
const REST_MS = 100;

/** One connection at most, made when it is asked for. */
export interface RedisConnection {
  /** Rejects within the time to connect, with the reason. Whoever asked sends nothing then. */
  ready: () => Promise<Redis>;
  close: () => void;
}

export function openRedisConnection(url: string): RedisConnection {
  let connecting: Promise<void> | undefined;
  let restUntil = 0;
  let closed = false;

  const redis = new Redis(url, {
    lazyConnect: true,
    disconnectTimeout: REST_MS,
    commandTimeout: ANSWER_WITHIN_MS,
    // A server that has gone silent: the connection is given up, or every later call would wait for it.
    socketTimeout: ANSWER_WITHIN_MS,
    // What is under way when the connection is lost fails; sent again, an increment would count twice.
    retryStrategy: null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
  });
  // Every call reports its own failure; without a listener ioredis writes to the console.
  redis.on('error', () => undefined);

  async function connect(): Promise<void> {
    const faults: Error[] = [];
    const note = (fault: Error) => faults.push(fault);
    redis.on('error', note);
    let timer: NodeJS.Timeout | undefined;
    try {
      await delay(Math.max(0, restUntil - performance.now()));
      if (closed) throw new Error('the connection is closed');
      timer = setTimeout(() => {
        note(new Error('no connection in time'));
        redis.disconnect();
      }, CONNECT_WITHIN_MS);
      await redis.connect();
    } catch (error) {
      restUntil = performance.now() + REST_MS;
      // ioredis rejects with "Connection is closed"; the event before it says why.
      throw faults[0] ?? error;
    } finally {
      clearTimeout(timer);
      redis.off('error', note);
      connecting = undefined;
    }
  }

  return {
    ready: async () => {
      if (redis.status !== 'ready') await (connecting ??= connect());
      return redis;
    },
    close: () => {
      closed = true;
      redis.disconnect();
    },
  };
}
