import type { Clock } from '../../platform/base/clock.ts';
import type { Result } from '../../platform/base/result.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import { EXCHANGE_CACHE_SIZE, EXCHANGE_MARGIN_MS } from '../limits.ts';

/** An access token for a server. */
export interface IssuedToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface Asked {
  readonly answer: Promise<Result<IssuedToken>>;
  /** The time from which the token is asked for again. Absent while the request runs. */
  renewAt?: number;
}

/** Tokens in memory, each until shortly before it expires. */
export interface TokenCache {
  /** Returns the token of the key, or asks for one. One request of a key runs at a time, and no failure is cached. */
  get(tenantId: string, key: string, ask: () => Promise<Result<IssuedToken>>): Promise<Result<IssuedToken>>;
  /** Drops the token of the key, if it is this one. */
  drop(key: string, token: string): Promise<void>;
}

export function createTokenCache(clock: Clock): TokenCache {
  const tokens = createTenantCache<Asked>(EXCHANGE_CACHE_SIZE);
  return {
    async get(tenantId, key, ask) {
      const known = tokens.get(key);
      const now = clock.now().getTime();
      if (known && (known.renewAt === undefined || known.renewAt > now)) return known.answer;
      const asked: Asked = { answer: ask() };
      tokens.set(tenantId, key, asked);
      const forget = () => {
        if (tokens.get(key) === asked) tokens.delete(key);
      };
      try {
        const answer = await asked.answer;
        if (answer.ok) {
          const { expiresAt } = answer.value;
          // A token that is valid for a few minutes is used for half of them.
          asked.renewAt = expiresAt - Math.min(EXCHANGE_MARGIN_MS, (expiresAt - now) / 2);
        } else forget();
        return answer;
      } catch (error) {
        forget();
        throw error;
      }
    },
    async drop(key, token) {
      const known = tokens.get(key);
      const answer = await known?.answer.catch(() => undefined);
      if (answer?.ok === true && answer.value.token === token && tokens.get(key) === known)
        tokens.delete(key);
    },
  };
}
