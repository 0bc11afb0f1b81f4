import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { RedisInspection } from '../../platform/state/redisInspection.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type ScannedKeys, scanKeys } from './keyTimes.ts';
import { type Measured, measure, measureEach } from './measure.ts';

/** What was measured of the store of short-lived state. */
export interface StateLook {
  readonly kind: 'redis' | 'tables';
  /** Of a value of its own, as everybody's calls go: on tables, a write is a read and a write. */
  readonly set: Measured;
  readonly get: Measured;
  readonly remove: Measured;
  /** Of Redis alone. */
  readonly info?: Measured<ReadonlyMap<string, string>>;
  readonly keys?: Measured<ScannedKeys>;
}

export interface StateDepth {
  readonly withinMs: number;
  readonly times: number;
  /** Whether to look at the keys of others, by prefix. */
  readonly keys: boolean;
}

/** Longer than any look takes; what is left of one that was given up goes by itself. */
const OWN_TTL_MS = 60_000;

/** Measures the store with values of its own, and asks Redis, where it is one, for its figures. No value of others is read. */
export async function lookAtState(
  { state: { kind, state, inspection } }: Pick<SpecialistDeps, 'state'>,
  { tenantId, delegationId, signal }: Pick<TaskHelpers, 'tenantId' | 'delegationId' | 'signal'>,
  { withinMs, times, keys }: StateDepth,
): Promise<StateLook> {
  const endsAt = performance.now() + withinMs;
  const limits = () => ({ withinMs: endsAt - performance.now(), signal });
  const own = Array.from({ length: times }, (_, index) => `mreg:probe:${tenantId}:${delegationId}:${index}`);
  const set = await measureEach(own, (key) => state.set(key, delegationId, OWN_TTL_MS), limits());
  if (set.fault) return { kind, set, get: {}, remove: {} };
  const get = await measureEach(own, (key) => state.get(key), limits());
  const remove = await measureEach(own, (key) => state.delete(key), limits());
  if (!inspection) return { kind, set, get, remove };
  const info = await measure(() => inspection.info(), { ...limits(), times: 1 });
  return { kind, set, get, remove, info, ...(keys && { keys: await keysOf(inspection, limits()) }) };
}

const keysOf = (
  inspection: RedisInspection,
  limits: { readonly withinMs: number; readonly signal: AbortSignal },
): Promise<Measured<ScannedKeys>> =>
  measure((signal) => scanKeys(inspection, signal), { ...limits, times: 1 });

/** The figures of a look, for people and for the next step. */
export function stateFacts({
  kind,
  set,
  get,
  remove,
  info,
  keys,
}: StateLook): Readonly<Record<string, unknown>> {
  return {
    store: kind,
    set: set.times,
    get: get.times,
    remove: remove.times,
    ...(info?.last && { redis: redisFigures(info.last) }),
    ...(keys?.last && { keys: keys.last }),
  };
}

export interface RedisFigures {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly clients: number;
  readonly usedMemoryBytes: number;
  /** 0 where there is no limit. */
  readonly maxMemoryBytes: number;
  readonly evictionPolicy: string;
  /** These count since Redis began. */
  readonly evictedKeys: number;
  readonly expiredKeys: number;
  readonly hits: number;
  readonly misses: number;
  /** Absent while nothing has been read. */
  readonly hitRatio?: number;
}

/** Those of Redis' figures that say how it fares. */
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
