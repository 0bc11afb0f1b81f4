import { setTimeout as delay } from 'node:timers/promises';
import type { Caller } from '../orchestration/model/caller.ts';
import { InfrastructureError } from '../platform/base/errors.ts';
import { stateBounds } from '../platform/state/stateBounds.ts';
import { type Claim, parseStateValue } from '../platform/state/stateStore.ts';
import { checkComponents, type HealthDeps } from './checkComponents.ts';
import { healthChanges, type HealthReport, healthReportSchema } from './healthReport.ts';
import { createSharedChecks } from './sharedChecks.ts';
import { withTimeout } from './withTimeout.ts';

interface HealthCheck {
  /** Returns the last report while it is fresh, else a new one. It may be that of an instance that is checking already. */
  current(caller: Caller): Promise<HealthReport>;
  /**
   * Returns the report of a check that begins after the call, within this time. A component whose own timeout is longer and that
   * has not answered is degraded. Callers at the same moment who allow the same time share a check.
   */
  anew(caller: Caller, withinMs: number): Promise<HealthReport>;
  /** For a timer: a new report, and a second check if a component timed out, since its agent may have had to start first. */
  sweep(caller: Caller): Promise<HealthReport>;
}

/** The agents have up to 15 seconds. */
export const CHECK_WITHIN_MS = 20_000;
const FRESH_MS = 5_000;
/** How long the last report is kept, to detect changes. */
const CACHE_MS = 24 * 3_600_000;
/** Two checks, and the reads and writes around them. */
const LEASE_MS = 2 * CHECK_WITHIN_MS + 10_000;
/** How long to wait for the state store; without it the check runs anyway. */
const STATE_WITHIN_MS = 3_000;
/** How long to wait for the report of another instance. A check that begins after that still has time for all agents. */
const SHARE_WITHIN_MS = 4_000;
const PAUSE_MS = 250;
/** The longest pause before a new check while one for the same time runs: a second, and a quarter of a shorter time. */
const NEXT_WITHIN_MS = 1_000;

/**
 * Creates the health check of the system as a tenant sees it. Reports are cached in the state store by the holder of a lease: one
 * instance at a time. Callers of `current` share its check. Without the lease, or without the state store, a check caches nothing.
 */
export function createHealthCheck(deps: HealthDeps): HealthCheck {
  const { shortLived: state, clock, log } = deps;
  const checks = createSharedChecks();

  /** Uses the state store; undefined if it is down, since the check goes on without it. */
  async function ifAvailable<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await withTimeout(act(), STATE_WITHIN_MS);
    } catch (error) {
      if (!(error instanceof InfrastructureError)) throw error;
      log.error('health_check_failed', { component: 'state_store' }, error);
      return undefined;
    }
  }

  const last = (tenantId: string): Promise<HealthReport | undefined> =>
    ifAvailable(async () => parseStateValue(await state.get(keyOf(tenantId)), healthReportSchema));

  const claim = (tenantId: string) => ifAvailable(() => state.claim(`${keyOf(tenantId)}:look`, LEASE_MS));

  /** Checks, or returns the report of another instance that ends its check soon. */
  async function share(caller: Caller, times: number): Promise<HealthReport> {
    const { tenantId } = caller.actor;
    const [askedAt, startedAt] = [clock.now(), performance.now()];
    for (let isFirst = true; ; isFirst = false) {
      const claimed = await claim(tenantId);
      // The previous holder of the lease may have stored its report.
      const other = isFirst && claimed?.status !== 'held' ? undefined : await last(tenantId);
      if (other && new Date(other.timestamp) >= askedAt) {
        if (claimed?.status === 'claimed') await ifAvailable(() => state.release(claimed.lease));
        return other;
      }
      const waitedMs = performance.now() - startedAt;
      if (claimed?.status !== 'held' || waitedMs + PAUSE_MS > SHARE_WITHIN_MS)
        return checkAndCache(caller, CHECK_WITHIN_MS - waitedMs, times, claimed);
      await delay(PAUSE_MS);
    }
  }

  /** Checks up to `times` times, until no component times out. */
  async function checkAndCache(
    caller: Caller,
    withinMs: number,
    times: number,
    claimed: Claim | undefined,
  ): Promise<HealthReport> {
    const { tenantId } = caller.actor;
    const lease = claimed?.status === 'claimed' ? claimed.lease : undefined;
    try {
      let { report, isComplete } = await checkComponents(caller, withinMs, deps);
      for (let left = times - 1; left > 0 && isLate(report); left--)
        ({ report, isComplete } = await checkComponents(caller, withinMs, deps));
      if (isComplete && lease) await cache(tenantId, report);
      return report;
    } finally {
      if (lease) await ifAvailable(() => state.release(lease));
    }
  }

  async function cache(tenantId: string, report: HealthReport): Promise<void> {
    for (const change of healthChanges(await last(tenantId), report))
      log[change.after === 'healthy' ? 'info' : 'warn']('health_changed', { tenantId, ...change });
    await ifAvailable(() => state.set(keyOf(tenantId), cacheable(report), CACHE_MS));
  }

  async function checkAnew(caller: Caller, endAt: number): Promise<HealthReport> {
    const claimed = await claim(caller.actor.tenantId);
    return checkAndCache(caller, Math.max(0, endAt - performance.now()), 1, claimed);
  }

  async function lastOrNew(caller: Caller): Promise<HealthReport> {
    const before = await last(caller.actor.tenantId);
    const ageMs = before && clock.now().getTime() - Date.parse(before.timestamp);
    return before && ageMs !== undefined && ageMs < FRESH_MS ? before : share(caller, 1);
  }

  return {
    anew(caller, withinMs) {
      const allowedMs = Math.min(withinMs, CHECK_WITHIN_MS);
      const endAt = performance.now() + allowedMs;
      return checks.joinNext(
        `${caller.actor.tenantId} ${allowedMs}`,
        Math.min(NEXT_WITHIN_MS, allowedMs / 4),
        () => checkAnew(caller, endAt),
      );
    },
    sweep: (caller) => share(caller, 2),
    current: (caller) => checks.join(caller.actor.tenantId, () => lastOrNew(caller)),
  };
}

const isLate = ({ components }: HealthReport): boolean =>
  Object.values(components).some(({ error }) => error?.kind === 'timeout');

const keyOf = (tenantId: string): string => `mreg:health:${tenantId}`;

/** Returns the report as JSON, without evidence and findings if it is too large for the state store. */
function cacheable(report: HealthReport): string {
  const whole = JSON.stringify(report);
  if (Buffer.byteLength(whole) <= stateBounds.valueBytes) return whole;
  const components = Object.fromEntries(
    Object.entries(report.components).map(([name, { evidence: _, findings: _f, ...rest }]) => [name, rest]),
  );
  return JSON.stringify({ ...report, components });
}
