import { HEALTH_CHECKS_KEPT_DAYS, KEPT_DAYS } from '../model/limits.ts';
import type { Delegation } from '../model/delegation.ts';
import { HEALTH_PLAN } from '../model/plan.ts';
import type { Plan } from '../model/plan.ts';

const DAY_MS = 24 * 60 * 60_000;

/** When a plan or delegation that has ended may be removed; undefined before it has. */
export function expiryOf(ended: Plan | Delegation): Date | undefined {
  if (ended.finishedAt === undefined) return undefined;
  const days = 'name' in ended && ended.name === HEALTH_PLAN ? HEALTH_CHECKS_KEPT_DAYS : KEPT_DAYS;
  return new Date(Date.parse(ended.finishedAt) + days * DAY_MS);
}
