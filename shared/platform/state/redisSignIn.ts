import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { decodeJwt } from 'jose';
import type { AppIdentity, IdentityToken } from '../managedIdentity/appIdentity.ts';

/** The parts of the app that a Redis without a key needs. */
export interface RedisSignInDeps {
  readonly identity: AppIdentity;
  /** Takes the reason why a token could not be renewed. */
  readonly onFailure: (error: unknown) => void;
}

const SCOPE = 'https://redis.azure.com/.default';
/** Redis closes a connection when its token ends. */
const RENEW_BEFORE_MS = 300_000;
const RETRY_MS = 30_000;
/** A longer timer fires at once. A clock that was set back asks for one. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** A caller waits for the connection. A later token is cached, so the next attempt has it. */
const TOKEN_TIMEOUT_MS = 2_000;

/**
 * Signs the client in with tokens of the app's identity. The user is the object id of the identity. Returns a function that sets the
 * user and the token of the next connection, and rejects when there is no token in time. While a connection is open, it gets the next
 * token five minutes before the present one ends. A failed renewal is reported, and tried again after 30 seconds.
 * Source: "Use Microsoft Entra for cache authentication", Azure Managed Redis.
 */
export function redisSignIn(redis: Redis, { identity, onFailure }: RedisSignInDeps): () => Promise<void> {
  let expiresAt = 0;
  let timer: NodeJS.Timeout | undefined;

  const schedule = (delayMs: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => void renew(), delayMs).unref();
  };
  /** Azure may issue the same token again until shortly before it ends. */
  const scheduleRenewal = () => {
    const dueInMs = expiresAt - RENEW_BEFORE_MS - Date.now();
    schedule(Math.min(Math.max(RETRY_MS, dueInMs), MAX_TIMER_MS));
  };
  async function renew(): Promise<void> {
    try {
      const { user, token, expiresOnTimestamp } = userOf(await identity.renewToken(SCOPE));
      if (redis.status !== 'ready') return;
      await redis.auth(user, token);
      expiresAt = expiresOnTimestamp;
      scheduleRenewal();
    } catch (error) {
      onFailure(error);
      // A new connection takes a token of its own.
      if (redis.status === 'ready') schedule(RETRY_MS);
    }
  }
  redis.on('ready', scheduleRenewal);
  redis.on('close', () => {
    clearTimeout(timer);
  });

  return async () => {
    const late = delay(TOKEN_TIMEOUT_MS, undefined, { ref: false }).then(() => {
      throw new Error('no token for Redis in time');
    });
    const issued = await Promise.race([identity.getToken(SCOPE), late]);
    const { user, token, expiresOnTimestamp } = userOf(issued);
    Object.assign(redis.options, { username: user, password: token });
    expiresAt = expiresOnTimestamp;
  };
}

function userOf(issued: IdentityToken): IdentityToken & { readonly user: string } {
  const { oid } = decodeJwt(issued.token);
  if (typeof oid !== 'string') throw new Error('the token for Redis names no object id');
  return { ...issued, user: oid };
}
