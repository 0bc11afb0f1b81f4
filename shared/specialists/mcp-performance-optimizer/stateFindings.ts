import type { Finding } from '../finding.ts';
import { HIT_RATIO, HIT_RATIO_FLOOR, MEMORY_SHARE, REDIS_OPERATION_MS, TABLE_STATE_MS } from './budgets.ts';
import type { KeyTimes } from './keyTimes.ts';
import type { MeasuringFault } from './measure.ts';
import { type RedisFigures, type StateLook, redisFigures } from './measureState.ts';

/** What follows from a look at the store of short-lived state. */
export function stateFindings(look: StateLook): readonly Finding[] {
  const { kind, set, get, remove, info, keys } = look;
  const operations = Object.entries({ set, get, remove });
  const unanswered = operations.flatMap(([operation, { fault }]) => (fault ? [{ operation, ...fault }] : []));
  return [
    ...(kind === 'tables' ? [onTables] : []),
    ...unanswered.slice(0, 1).map((fault) => faultFinding(kind, fault)),
    ...slowFindings(look),
    ...(info?.last ? redisFindings(redisFigures(info.last)) : []),
    ...(keys?.last?.prefixes ?? []).filter(({ withoutTtl }) => withoutTtl > 0).map(endless),
    ...[info?.fault, keys?.fault].filter((fault) => fault !== undefined).map(figuresMissing),
  ];
}

const onTables: Finding = {
  rule: 'state_on_tables',
  severity: 'info',
  message: 'Short-lived state is kept in the table `state`: there is no Redis, and that table was measured.',
  evidence: { store: 'tables' },
  remedy: 'Nothing has to be done. A Redis in MREG_REDIS_URL makes sessions, limits and leases faster.',
};

function faultFinding(
  kind: StateLook['kind'],
  { operation, ...fault }: MeasuringFault & { readonly operation: string },
): Finding {
  const store = kind === 'redis' ? 'Redis' : 'The table of the state';
  const isHung = fault.kind === 'hung';
  return {
    rule: `${kind === 'redis' ? 'redis' : 'state'}_${isHung ? 'hangs' : 'unreachable'}`,
    severity: 'critical',
    message: isHung
      ? `${store} did not answer a ${operation} within ${Math.round(fault.afterMs)} ms.`
      : `${store} cannot be used: a ${operation} failed (${fault.reason}).`,
    evidence: { store: kind, operation, reason: fault.reason, afterMs: fault.afterMs },
    remedy:
      kind === 'redis'
        ? 'Check that Redis is up, that its firewall lets the apps in and that MREG_REDIS_URL is right; sessions, limits and leases wait for it.'
        : 'See database_health_check: the state is on the same storage account as all else.',
  };
}

function slowFindings({ kind, set, get, remove }: StateLook): readonly Finding[] {
  const budgetMs = kind === 'redis' ? REDIS_OPERATION_MS : TABLE_STATE_MS;
  return Object.entries({ set, get, remove })
    .filter(([, { times }]) => times !== undefined && times.p50Ms > budgetMs)
    .map(([operation, { times }]) => ({
      rule: kind === 'redis' ? 'redis_slow' : 'state_slow',
      severity: 'warning',
      message: `A ${operation} takes ${times?.p50Ms} ms in the median, of ${budgetMs} ms that it may take.`,
      evidence: { store: kind, operation, budgetMs, ...times },
      remedy:
        kind === 'redis'
          ? 'Put Redis and the apps into one region, and look at its processor and at slow commands (SLOWLOG) of whoever else uses it.'
          : 'Use a Redis for the state (MREG_REDIS_URL), or see what slows the table service.',
    }));
}

function redisFindings(figures: RedisFigures): readonly Finding[] {
  const { evictionPolicy, evictedKeys, usedMemoryBytes, maxMemoryBytes, hits, misses, hitRatio } = figures;
  const findings: Finding[] = [];
  if (evictionPolicy !== 'noeviction')
    findings.push({
      rule: 'redis_may_evict',
      severity: 'warning',
      message: `Redis removes keys when its memory is full (maxmemory-policy ${evictionPolicy}): sessions and leases may vanish before their time.`,
      evidence: { evictionPolicy },
      remedy: 'Set maxmemory-policy to noeviction.',
    });
  if (evictedKeys > 0)
    findings.push({
      rule: 'redis_evicted',
      severity: 'warning',
      message: `Redis has removed ${evictedKeys} keys before their time since it began.`,
      evidence: { evictedKeys, evictionPolicy, usedMemoryBytes, maxMemoryBytes },
      remedy: 'Give Redis more memory and set maxmemory-policy to noeviction.',
    });
  if (maxMemoryBytes > 0 && usedMemoryBytes > MEMORY_SHARE * maxMemoryBytes)
    findings.push({
      rule: 'redis_memory_full',
      severity: 'warning',
      message: `Redis uses ${Math.round((100 * usedMemoryBytes) / maxMemoryBytes)} % of its memory.`,
      evidence: { usedMemoryBytes, maxMemoryBytes },
      remedy: 'Give it more memory, or see in the facts which prefix has most keys and the longest times.',
    });
  if (hitRatio !== undefined && hits + misses >= HIT_RATIO_FLOOR && hitRatio < HIT_RATIO)
    findings.push({
      rule: 'redis_low_hit_ratio',
      severity: 'warning',
      message: `Of ${hits + misses} reads since Redis began, ${Math.round(hitRatio * 100)} % found something.`,
      evidence: { hits, misses, hitRatio },
      remedy:
        'Somebody asks for what has ended or never was: clients that send sessions long over, or keys whose time is too short for their use; the facts have the times by prefix.',
    });
  return findings;
}

const endless = ({ prefix, keys, withoutTtl }: KeyTimes): Finding => ({
  rule: 'redis_keys_without_ttl',
  severity: 'warning',
  message: `${withoutTtl} of ${keys} keys ${prefix === 'other' ? 'of others' : `of ${prefix}`} have no end.`,
  evidence: { prefix, keys, withoutTtl },
  remedy:
    prefix === 'other'
      ? 'Somebody else keeps keys in this Redis: give the gateway one of its own, since it must not run full.'
      : 'The gateway gives every key an end, so these were made or changed by hand: give them one with EXPIRE, or delete them.',
});

const figuresMissing = ({ reason, afterMs }: MeasuringFault): Finding => ({
  rule: 'redis_figures_missing',
  severity: 'info',
  message: `Redis did not give its figures (${reason}).`,
  evidence: { reason, afterMs },
  remedy: 'Let the user of MREG_REDIS_URL run INFO, SCAN and PTTL.',
});
