import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { RedisInspection, RedisKey } from '../../platform/state/redisInspection.ts';
import type { SpecialistDeps } from '../deps.ts';
import { measure, type Measured, measureEach } from './measure.ts';

/** The measurements of the state store. */
export interface StateMeasurements {
  readonly kind: 'redis' | 'tables';
  /** Operations on probe values, through the same store as all calls: on tables, a write is a read and a write. */
  readonly set: Measured;
  readonly get: Measured;
  readonly remove: Measured;
  /** Redis only. */
  readonly info?: Measured<ReadonlyMap<string, string>>;
  readonly keys?: Measured<ScannedKeys>;
}

interface StateDepth {
  readonly withinMs: number;
  readonly times: number;
  /** Whether to scan the keys by prefix. */
  readonly keys: boolean;
}

/** Longer than any measurement takes; the probe values of an aborted one expire. */
const PROBE_TTL_MS = 60_000;

/** Measures the store with probe values, and asks Redis, if there is one, for its figures. Reads no other values. */
export async function measureState(
  { state: { kind, state, inspection } }: Pick<SpecialistDeps, 'state'>,
  { tenantId, delegationId, signal }: Pick<TaskHelpers, 'tenantId' | 'delegationId' | 'signal'>,
  { withinMs, times, keys }: StateDepth,
): Promise<StateMeasurements> {
  const endsAt = performance.now() + withinMs;
  const limits = () => ({ withinMs: endsAt - performance.now(), signal });
  const probes = Array.from(
    { length: times },
    (_, index) => `mreg:probe:${tenantId}:${delegationId}:${index}`,
  );
  const set = await measureEach(probes, (key) => state.set(key, delegationId, PROBE_TTL_MS), limits());
  if (set.fault) return { kind, set, get: {}, remove: {} };
  const get = await measureEach(probes, (key) => state.get(key), limits());
  const remove = await measureEach(probes, (key) => state.delete(key), limits());
  if (!inspection) return { kind, set, get, remove };
  const info = await measure(() => inspection.info(), { ...limits(), times: 1 });
  if (!keys) return { kind, set, get, remove, info };
  const scan = (limit: AbortSignal) => scanKeys(inspection, limit);
  return { kind, set, get, remove, info, keys: await measure(scan, { ...limits(), times: 1 }) };
}

/** The figures of a measurement, for the report. */
export const stateFacts = (measured: StateMeasurements): Readonly<Record<string, unknown>> => ({
  store: measured.kind,
  set: measured.set.times,
  get: measured.get.times,
  remove: measured.remove.times,
  ...(measured.info?.last && { redis: redisFigures(measured.info.last) }),
  ...(measured.keys?.last && { keys: measured.keys.last }),
});

export interface RedisFigures {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly clients: number;
  readonly usedMemoryBytes: number;
  /** 0 if there is no limit. */
  readonly maxMemoryBytes: number;
  readonly evictionPolicy: string;
  /** This and the next three count since Redis started. */
  readonly evictedKeys: number;
  readonly expiredKeys: number;
  readonly hits: number;
  readonly misses: number;
  /** Absent before the first read. */
  readonly hitRatio?: number;
}

/** Picks the figures that show the condition of Redis. */
export function redisFigures(info: ReadonlyMap<string, string>): RedisFigures {
  const number = (name: string) => Number(info.get(name) ?? 0);
  const [hits, misses] = [number('keyspace_hits'), number('keyspace_misses')];
  return {
    version: info.get('redis_version') ?? 'unknown',
    uptimeSeconds: number('uptime_in_seconds'),
    clients: number('connected_clients'),
    usedMemoryBytes: number('used_memory'),
    maxMemoryBytes: number('maxmemory'),
    evictionPolicy: info.get('maxmemory_policy') ?? 'unknown',
    evictedKeys: number('evicted_keys'),
    expiredKeys: number('expired_keys'),
    hits,
    misses,
    ...(hits + misses > 0 && { hitRatio: Math.round((hits / (hits + misses)) * 1_000) / 1_000 }),
  };
}

/** The keys of one prefix, and their remaining lifetimes. */
export interface KeyTimes {
  /** The words of a key that name its purpose, without ids. */
  readonly prefix: string;
  readonly keys: number;
  readonly withoutTtl: number;
  /** Of the keys that expire, in seconds. */
  readonly shortestTtlSeconds?: number;
  readonly longestTtlSeconds?: number;
}

interface ScannedKeys {
  readonly scanned: number;
  /** Whether all keys were scanned. */
  readonly isWhole: boolean;
  /** The most frequent first. */
  readonly prefixes: readonly KeyTimes[];
}

/** The most keys that are scanned: some hundred answers would put a load on Redis. */
const SCANNED_KEYS = 5_000;
/** Empty answers count as well: Redis scans a fixed number of slots each time. */
const MAX_ANSWERS = 100;
/** The most prefixes that are reported. */
const PREFIXES = 50;

/** Scans at most `SCANNED_KEYS` keys. Returns their prefixes and never a whole key, which may hold an id. */
async function scanKeys(inspection: RedisInspection, signal: AbortSignal): Promise<ScannedKeys> {
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

/** Counts keys by prefix. */
function timesByPrefix(keys: readonly RedisKey[]): readonly KeyTimes[] {
  const groups = Map.groupBy(keys, ({ key }) => prefixOf(key));
  return [...groups]
    .map(([prefix, group]): KeyTimes => {
      const ttls = group.map(({ ttlMs }) => ttlMs).filter((ttlMs) => ttlMs >= 0);
      return {
        prefix,
        keys: group.length,
        withoutTtl: group.length - ttls.length,
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
 * Returns the first word of a key, since the next one may be the name of a user. Keys of other programs are all `other`, since
 * their names may be confidential.
 */
export function prefixOf(key: string): string {
  return /^(?:(?:value|counter|lease):)?mreg:(?:[a-z][a-z-]{0,29}:)?/.exec(key)?.[0] ?? 'other';
}
