import { REFRESH_AFTER_MINUTES, TOKEN_CACHE_SIZE } from '../../identity/tokens/cachedVerifier.ts';
import type { App } from '../../platform/config/config.ts';

/** What the resource pools hold. Those of Redis' connections by use say what they are for; their sum is what binds. */
export const poolLimits = {
  database_connections: { maxPoolSize: 20, reservedForManagement: 8, reservedForMcp: 8, sharedPool: 4 },
  redis_connections: { maxPoolSize: 10, sessionConnections: 4, cacheConnections: 4, pubSubConnections: 2 },
  oauth_tokens: {
    maxConcurrentValidations: 50,
    tokenCacheSize: TOKEN_CACHE_SIZE,
    refreshThresholdMinutes: REFRESH_AFTER_MINUTES,
  },
} as const;

export type PoolName = keyof typeof poolLimits;

/** What an operation takes of each pool, in whole numbers. */
export interface Units {
  readonly databaseConnections: number;
  readonly redisConnections: number;
  readonly oauthValidations: number;
}

/** Who may take how much of a pool: each app what is reserved for it, then any app of what is shared. */
export interface Share {
  readonly name: PoolName;
  readonly takenBy: keyof Units;
  readonly maxPoolSize: number;
  readonly reserved: Readonly<Record<App, number>>;
  readonly shared: number;
}

const { database_connections: database, redis_connections: redis, oauth_tokens: oauth } = poolLimits;
const nothing = { management: 0, mcp: 0 };

export const shares: readonly Share[] = [
  {
    name: 'database_connections',
    takenBy: 'databaseConnections',
    maxPoolSize: database.maxPoolSize,
    reserved: { management: database.reservedForManagement, mcp: database.reservedForMcp },
    shared: database.sharedPool,
  },
  {
    name: 'redis_connections',
    takenBy: 'redisConnections',
    maxPoolSize: redis.maxPoolSize,
    reserved: nothing,
    shared: redis.maxPoolSize,
  },
  {
    name: 'oauth_tokens',
    takenBy: 'oauthValidations',
    maxPoolSize: oauth.maxConcurrentValidations,
    reserved: nothing,
    shared: oauth.maxConcurrentValidations,
  },
];
