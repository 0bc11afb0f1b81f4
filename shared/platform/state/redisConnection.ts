import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { redisSignIn, type RedisSignInDeps } from './redisSignIn.ts';

/** The two timeouts bound a call: one that has to connect first fails after two seconds, or four where it also needs a token. */
const CONNECT_TIMEOUT_MS = 1_000;
const COMMAND_TIMEOUT_MS = 1_000;
/** Time between two attempts to connect. Calls that come meanwhile wait for the next attempt and share its outcome. */
const RECONNECT_DELAY_MS = 100;

/** At most one connection, made on demand. */
export interface RedisConnection {
  /** Returns the connected client. Rejects with the reason within the connect timeout; the caller then sends nothing. */
  ready: () => Promise<Redis>;
  close: () => void;
}

/** `signIn` is for a Redis without a key in its URL. */
export function openRedisConnection(url: string, signIn?: RedisSignInDeps): RedisConnection {
  let connecting: Promise<void> | undefined;
  let nextAttemptAt = 0;
  let closed = false;

  const redis = new Redis(url, {
    lazyConnect: true,
    disconnectTimeout: RECONNECT_DELAY_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    // When the server is silent the connection is closed. Otherwise every later call would wait for it.
    socketTimeout: COMMAND_TIMEOUT_MS,
    // Commands of a lost connection fail. A second sending would count an increment twice.
    retryStrategy: null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
  });
  // Every call reports its own failure. Without a listener ioredis writes to the console.
  redis.on('error', () => undefined);
  const prepareSignIn = signIn && redisSignIn(redis, signIn);

  async function connect(): Promise<void> {
    const faults: Error[] = [];
    const addFault = (fault: Error) => faults.push(fault);
    redis.on('error', addFault);
    let timer: NodeJS.Timeout | undefined;
    try {
      await delay(Math.max(0, nextAttemptAt - performance.now()));
      await prepareSignIn?.();
      if (closed) throw new Error('the connection is closed');
      timer = setTimeout(() => {
        addFault(new Error('no connection in time'));
        redis.disconnect();
      }, CONNECT_TIMEOUT_MS);
      await redis.connect();
    } catch (error) {
      nextAttemptAt = performance.now() + RECONNECT_DELAY_MS;
      // ioredis rejects with "Connection is closed". The error event before it has the reason.
      throw faults[0] ?? error;
    } finally {
      clearTimeout(timer);
      redis.off('error', addFault);
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
