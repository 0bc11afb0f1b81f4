import type { RedisInspection, RedisKey } from '../../platform/state/redisInspection.ts';

/** Keys of one prefix, and how long they have left. */
export interface KeyTimes {
  /** The words of a key that name what it is for, without the ids of what it is about. */
  readonly prefix: string;
  readonly keys: number;
  readonly withoutTtl: number;
  /** Of those with an end, in seconds. */
  readonly shortestTtlSeconds?: number;
  readonly longestTtlSeconds?: number;
}

export interface ScannedKeys {
  readonly scanned: number;
  /** Whether there were no more. */
  readonly isWhole: boolean;
  /** The most frequent first. */
  readonly prefixes: readonly KeyTimes[];
}

/** Keys that are looked at: some hundred answers of Redis would be a burden of their own. */
export const SCANNED_KEYS = 5_000;
/** An empty answer is one too: Redis looks through so many places each time, whatever it finds. */
const MAX_ANSWERS = 100;
/** Of which figures are given. */
const PREFIXES = 50;

/** Looks at keys of all kinds, as far as `SCANNED_KEYS`. It tells their prefixes and never a whole key, which may hold an id. */
export async function scanKeys(inspection: RedisInspection, signal: AbortSignal): Promise<ScannedKeys> {
  const keys: RedisKey[] = [];
  let cursor = '0';
  for (let answers = 0; answers < MAX_ANSWERS && keys.length < SCANNED_KEYS; answers++) {
    signal.throwIfAborted();
    const page = await inspection.scan(cursor);
    keys.push(...page.keys);
    cursor = page.next;
    if (cursor === '0') break;
  }
  return { scanned: keys.length, isWhole: cursor === '0', prefixes: timesByPrefix(keys) };
}

/** Keys counted by what they are for. */
export function timesByPrefix(keys: readonly RedisKey[]): readonly KeyTimes[] {
  const groups = Map.groupBy(keys, ({ key }) => prefixOf(key));
  return [...groups]
    .map(([prefix, some]): KeyTimes => {
      const ttls = some.map(({ ttlMs }) => ttlMs).filter((ttlMs) => ttlMs >= 0);
      return {
        prefix,
        keys: some.length,
        withoutTtl: some.length - ttls.length,
        ...(ttls.length > 0 && {
          shortestTtlSeconds: Math.round(ttls.reduce((a, b) => Math.min(a, b)) / 1_000),
          longestTtlSeconds: Math.round(ttls.reduce((a, b) => Math.max(a, b)) / 1_000),
        }),
      };
    })
    .sort((a, b) => b.keys - a.keys)
    .slice(0, PREFIXES);
}

/**
 * What a key is for: its first word, since the next may be somebody's name. Keys that are not the system's are all
 * `other`, since somebody else's names are not ours to tell.
 */
export function prefixOf(key: string): string {
  return /^(?:(?:value|counter|lease):)?mreg:(?:[a-z][a-z-]{0,29}:)?/.exec(key)?.[0] ?? 'other';
}
