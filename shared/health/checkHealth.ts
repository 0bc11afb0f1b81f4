import { setTimeout as delay } from 'node:timers/promises';
import type { Caller } from '../orchestration/model/caller.ts';
import { InfrastructureError } from '../platform/base/errors.ts';
import { stateBounds } from '../platform/state/stateBounds.ts';
import type { HeldLease } from '../platform/state/stateStore.ts';
import { parseStateValue } from '../platform/state/stateValue.ts';
import { type HealthReport, healthChanges, healthReportSchema } from './healthReport.ts';
import { inTime } from './inTime.ts';
import { type HealthDeps, lookAtHealth, lookWithoutAgents } from './checkComponents.ts';

export interface HealthCheck {
  /** The last result while it is fresh, else that of a new look; a look that is under way elsewhere counts as one. */
  current(caller: Caller): Promise<HealthReport>;
  /** A new look, for at most this long; what has more time than that is degraded then. */
  anew(caller: Caller, withinMs: number): Promise<HealthReport>;
  /** For a timer: a new look, and one more when somebody did not answer in time, since an agent may have had to start first. */
  sweep(caller: Caller): Promise<HealthReport>;
}

/** The agents have up to 15 seconds. */
export const LOOK_WITHIN_MS = 20_000;
const FRESH_MS = 5_000;
/** As long as a change can be told from what was before. */
const KEEP_MS = 24 * 3_600_000;
/** Two looks with what is stored around them. */
const LEASE_MS = 2 * LOOK_WITHIN_MS + 10_000;
/** What is worth to wait for the state, without which a look is made all the same. */
const STATE_WITHIN_MS = 3_000;
const PAUSE_MS = 250;

/**
 * The health of the system as a tenant sees it. Results are kept in the short-lived state, and of all instances one at a
 * time looks. Where the state is away, each looks for itself and nothing is kept.
 */
export function createHealthCheck(deps: HealthDeps): HealthCheck {
  const { shortLived: state, clock, log } = deps;

  /** An outage of the state is no failure of the look. */
  async function ifThere<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await inTime(act(), STATE_WITHIN_MS);
    } catch (error) {
      if (!(error instanceof InfrastructureError)) throw error;
      log.error('health_look_failed', { component: 'state_store' }, error);
      return undefined;
    }
  }

  const last = (tenantId: string): Promise<HealthReport | undefined> =>
    ifThere(async () => parseStateValue(await state.get(keyOf(tenantId)), healthReportSchema));

  /** The first look of so many in which all were in time is the result, or the last. */
  async function look(caller: Caller, withinMs: number, looks: number): Promise<HealthReport> {
    const { tenantId } = caller.principal;
    const endAt = performance.now() + Math.min(withinMs, LOOK_WITHIN_MS);
    const askedAt = clock.now();
    for (let isFirst = true; ; isFirst = false) {
      const claim = await ifThere(() => state.claim(`${keyOf(tenantId)}:look`, LEASE_MS));
      const lease = claim?.status === 'claimed' ? claim.lease : undefined;
      const leftMs = Math.max(0, endAt - performance.now());
      // Whoever had the lease before may have told what it found.
      const before = isFirst && claim?.status !== 'held' ? undefined : await last(tenantId);
      if (before && new Date(before.timestamp) >= askedAt) {
        if (lease) await ifThere(() => state.release(lease));
        return before;
      }
      if (claim?.status !== 'held') return lookAndKeep(caller, leftMs, looks, lease);
      if (leftMs < PAUSE_MS) return before ?? lookWithoutAgents(caller, UNDER_WAY, deps);
      await delay(PAUSE_MS);
    }
  }

  async function lookAndKeep(
    caller: Caller,
    withinMs: number,
    looks: number,
    lease: HeldLease | undefined,
  ): Promise<HealthReport> {
    const { tenantId } = caller.principal;
    try {
      let { report, isComplete } = await lookAtHealth(caller, withinMs, deps);
      for (let left = looks - 1; left > 0 && isLate(report); left--)
        ({ report, isComplete } = await lookAtHealth(caller, withinMs, deps));
      if (isComplete && lease) await keep(tenantId, report);
      return report;
    } finally {
      if (lease) await ifThere(() => state.release(lease));
    }
  }

  async function keep(tenantId: string, report: HealthReport): Promise<void> {
    for (const change of healthChanges(await last(tenantId), report))
      log[change.after === 'healthy' ? 'info' : 'warn']('health_changed', { tenantId, ...change });
    await ifThere(() => state.set(keyOf(tenantId), keepable(report), KEEP_MS));
  }

  return {
    anew: (caller, withinMs) => look(caller, withinMs, 1),
    sweep: (caller) => look(caller, LOOK_WITHIN_MS, 2),
    async current(caller) {
      const before = await last(caller.principal.tenantId);
      const ageMs = before && clock.now().getTime() - Date.parse(before.timestamp);
      return before && ageMs !== undefined && ageMs < FRESH_MS ? before : look(caller, LOOK_WITHIN_MS, 1);
    },
  };
}

/** Whoever began it has died, or is slower than it may be. */
const UNDER_WAY = {
  kind: 'unavailable',
  message: 'another instance looks at it and has not told what it found: ask again in a minute',
} as const;

const isLate = ({ components }: HealthReport): boolean =>
  Object.values(components).some(({ error }) => error?.kind === 'timeout');

const keyOf = (tenantId: string): string => `mreg:health:${tenantId}`;

/** As the state holds it: without what was looked at where that is too much. */
function keepable(report: HealthReport): string {
  const whole = JSON.stringify(report);
  if (Buffer.byteLength(whole) <= stateBounds.valueBytes) return whole;
  const components = Object.fromEntries(
    Object.entries(report.components).map(([name, { evidence: _, findings: _f, ...rest }]) => [name, rest]),
  );
  return JSON.stringify({ ...report, components });
}
