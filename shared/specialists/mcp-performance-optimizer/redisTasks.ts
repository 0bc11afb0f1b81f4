import type { Task, TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding } from '../finding.ts';
import { type Inspection, inspectionsOf } from '../inspection.ts';
import { HIT_RATIO, HIT_RATIO_FLOOR, MEMORY_SHARE, REDIS_OPERATION_MS, TABLE_STATE_MS } from './budgets.ts';
import { type MeasuringFault, type Percentiles, timeFor, timesSchema } from './measure.ts';
import {
  type KeyTimes,
  measureState,
  type RedisFigures,
  redisFigures,
  stateFacts,
  type StateMeasurements,
} from './measureState.ts';

const { gateCheck, healthCheck, report } = inspectionsOf('mcp-performance-optimizer');

interface Operation {
  readonly store: StateMeasurements['kind'];
  readonly operation: string;
}
const storeFault = ({ store, operation, kind, reason, afterMs }: Operation & MeasuringFault) => {
  const name = nameOf(store);
  return {
    severity: 'critical' as const,
    message:
      kind === 'hung'
        ? `${name} did not answer the operation ${operation} within ${Math.round(afterMs)} ms`
        : `${name} cannot be used: the operation ${operation} failed (${reason})`,
    evidence: { store, operation, reason, afterMs },
    remedy:
      store === 'redis'
        ? 'Check that Redis runs, that its firewall lets the apps in and that MREG_REDIS_URL is right. Sessions, limits and leases wait for it.'
        : 'Run database_health_check: the state is in the same storage account as the other tables.',
  };
};
const storeSlow = ({
  store,
  operation,
  budgetMs,
  p50Ms,
}: Operation & Percentiles & { budgetMs: number }) => ({
  severity: 'warning' as const,
  message: `the operation ${operation} on ${nameOf(store)} takes ${p50Ms} ms in the median; its budget is ${budgetMs} ms`,
  remedy:
    store === 'redis'
      ? 'Put Redis and the apps into one region, and check its processor and the slow commands (SLOWLOG) of other programs that use it.'
      : 'Use a Redis for the state (MREG_REDIS_URL), or find out what slows the table service.',
});
type Memory = Pick<RedisFigures, 'usedMemoryBytes' | 'maxMemoryBytes'>;

const finding = defineFindings({
  state_on_tables: {
    severity: 'info',
    message:
      'short-lived state is stored in the table `state`: there is no Redis, and that table was measured',
    remedy: 'Nothing has to be done. A Redis in MREG_REDIS_URL makes sessions, limits and leases faster.',
  },
  redis_hangs: storeFault,
  state_hangs: storeFault,
  redis_unreachable: storeFault,
  state_unreachable: storeFault,
  redis_slow: storeSlow,
  state_slow: storeSlow,
  redis_may_evict: ({ evictionPolicy }: Pick<RedisFigures, 'evictionPolicy'>) => ({
    severity: 'warning',
    message: `Redis removes keys when its memory is full (maxmemory-policy ${evictionPolicy}): sessions and leases may disappear before they expire`,
    remedy: 'Set maxmemory-policy to noeviction.',
  }),
  redis_evicted: ({ evictedKeys }: Memory & Pick<RedisFigures, 'evictedKeys' | 'evictionPolicy'>) => ({
    severity: 'warning',
    message: `Redis has removed ${evictedKeys} keys before they expired since it started`,
    remedy: 'Give Redis more memory and set maxmemory-policy to noeviction.',
  }),
  redis_memory_full: ({ usedMemoryBytes, maxMemoryBytes }: Memory) => ({
    severity: 'warning',
    message: `Redis uses ${Math.round((100 * usedMemoryBytes) / maxMemoryBytes)} % of its memory`,
    remedy: 'Give it more memory, or read in the facts which prefix has most keys and the longest lifetimes.',
  }),
  redis_low_hit_ratio: ({
    hits,
    misses,
    hitRatio,
  }: Required<Pick<RedisFigures, 'hits' | 'misses' | 'hitRatio'>>) => ({
    severity: 'warning',
    message: `of ${hits + misses} reads since Redis started, ${Math.round(hitRatio * 100)} % found a value`,
    remedy:
      'Look for clients that send expired sessions, and for keys that expire too early for their use; the facts have the lifetimes by prefix.',
  }),
  redis_keys_without_ttl: ({
    prefix,
    keys,
    withoutTtl,
  }: Pick<KeyTimes, 'prefix' | 'keys' | 'withoutTtl'>) => ({
    severity: 'warning',
    message: `${withoutTtl} of ${keys} keys ${prefix === 'other' ? 'of other programs' : `of ${prefix}`} never expire`,
    remedy:
      prefix === 'other'
        ? 'Another program stores keys in this Redis: give the gateway a Redis of its own, since it must not run full.'
        : 'The gateway sets a lifetime for every key, so someone made or changed these by hand: set one with EXPIRE, or delete them.',
  }),
  redis_figures_missing: ({ reason }: Pick<MeasuringFault, 'reason' | 'afterMs'>) => ({
    severity: 'info',
    message: `Redis did not return its figures (${reason})`,
    remedy: 'Allow the user of MREG_REDIS_URL to run INFO, SCAN and PTTL.',
  }),
});

type StateDeps = Pick<SpecialistDeps, 'state'>;

async function inspectState(
  deps: StateDeps,
  helpers: TaskHelpers,
  { withinMs, ...depth }: Parameters<typeof measureState>[2],
): Promise<Inspection & { readonly summary: string }> {
  const measured = await measureState(deps, helpers, { ...depth, withinMs: timeFor(helpers, withinMs) });
  return {
    summary: stateSummary(measured),
    facts: stateFacts(measured),
    findings: stateFindings(measured),
  };
}

/** The tasks that measure the state store: Redis, or the table `state` if there is no Redis. */
export const redisTasks = (deps: StateDeps): readonly Task[] => [
  report({
    name: 'redis_caching_strategy',
    description:
      'Measures Redis with probe values and reads its figures: latency, hit ratio, memory, evictions, and the lifetimes of keys by prefix. Says what to change. Measures the table `state` if there is no Redis.',
    timeoutMs: 20_000,
    input: timesSchema(200, 50),
    inspect: ({ times }, helpers) => inspectState(deps, helpers, { withinMs: 15_000, times, keys: true }),
  }),
  gateCheck({
    name: 'redis_connectivity_test',
    description:
      'Writes, reads and removes a few probe values in the state store, which is Redis, or a table if there is no Redis.',
    timeoutMs: 10_000,
    inspect: (_, helpers) => inspectState(deps, helpers, { withinMs: 6_000, times: 5, keys: false }),
  }),
  healthCheck({
    name: 'check_redis_connectivity',
    description:
      'Says whether the state store answers, and within its budget: a short check for the health report.',
    timeoutMs: 3_000,
    inspect: (_, helpers) => inspectState(deps, helpers, { withinMs: 2_200, times: 3, keys: false }),
  }),
];

const nameOf = (kind: StateMeasurements['kind']): string =>
  kind === 'redis' ? 'Redis' : 'the table `state`';

/** The result of a measurement, in one sentence. */
export function stateSummary({ kind, set, get, info }: StateMeasurements): string {
  if (!get.times || !set.times) return `${nameOf(kind).replace(/^t/, 'T')} could not be measured.`;
  const ratio = info?.last && redisFigures(info.last).hitRatio;
  const found = ratio === undefined ? '' : `, and ${Math.round(ratio * 100)} % of all reads found a value`;
  return `A read of ${nameOf(kind)} takes ${get.times.p50Ms} ms in the median and a write ${set.times.p50Ms} ms${found}.`;
}

/** Judges the measurements of the state store. */
export function stateFindings(measured: StateMeasurements): readonly Finding[] {
  const { kind, set, get, remove, info, keys } = measured;
  const store = kind === 'redis' ? 'redis' : 'state';
  const budgetMs = kind === 'redis' ? REDIS_OPERATION_MS : TABLE_STATE_MS;
  const operations = Object.entries({ set, get, remove });
  const [failed] = operations.flatMap(([operation, { fault }]) => (fault ? [{ operation, ...fault }] : []));
  return [
    ...(kind === 'tables' ? [finding('state_on_tables', { store: kind })] : []),
    ...(failed
      ? [finding(`${store}_${failed.kind === 'hung' ? 'hangs' : 'unreachable'}`, { store: kind, ...failed })]
      : []),
    ...operations.flatMap(([operation, { times }]) =>
      times && times.p50Ms > budgetMs
        ? [finding(`${store}_slow`, { store: kind, operation, budgetMs, ...times })]
        : [],
    ),
    ...(info?.last ? redisFindings(redisFigures(info.last)) : []),
    ...(keys?.last?.prefixes ?? [])
      .filter(({ withoutTtl }) => withoutTtl > 0)
      .map(({ prefix, keys: count, withoutTtl }) =>
        finding('redis_keys_without_ttl', { prefix, keys: count, withoutTtl }),
      ),
    ...[info?.fault, keys?.fault]
      .filter((fault) => fault !== undefined)
      .map(({ reason, afterMs }) => finding('redis_figures_missing', { reason, afterMs })),
  ];
}

function redisFindings(figures: RedisFigures): readonly Finding[] {
  const { evictionPolicy, evictedKeys, usedMemoryBytes, maxMemoryBytes, hits, misses, hitRatio } = figures;
  const memory = { usedMemoryBytes, maxMemoryBytes };
  return [
    ...(evictionPolicy === 'noeviction' ? [] : [finding('redis_may_evict', { evictionPolicy })]),
    ...(evictedKeys > 0 ? [finding('redis_evicted', { evictedKeys, evictionPolicy, ...memory })] : []),
    ...(maxMemoryBytes > 0 && usedMemoryBytes > MEMORY_SHARE * maxMemoryBytes
      ? [finding('redis_memory_full', memory)]
      : []),
    ...(hitRatio !== undefined && hits + misses >= HIT_RATIO_FLOOR && hitRatio < HIT_RATIO
      ? [finding('redis_low_hit_ratio', { hits, misses, hitRatio })]
      : []),
  ];
}
