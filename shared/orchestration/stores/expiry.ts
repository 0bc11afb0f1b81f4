import type { Delegation } from '../model/delegation.ts';
import { HEALTH_PLAN } from '../plans/namedPlans.ts';
import type { Plan } from '../model/plan.ts';

const DAY_MS = 24 * 60 * 60_000;

/** Long enough to look into what went wrong last week, and to compare a month's reports. */
const KEPT_DAYS = 30;
/** The system looks at itself every five minutes, and each look is worth something until the next one. */
const LOOKS_KEPT_DAYS = 1;

/** When a plan or delegation that has ended may be removed; undefined before it has. */
export function expiryOf(ended: Plan | Delegation): Date | undefined {
  if (ended.finishedAt === undefined) return undefined;
  const days = 'name' in ended && ended.name === HEALTH_PLAN ? LOOKS_KEPT_DAYS : KEPT_DAYS;
  return new Date(Date.parse(ended.finishedAt) + days * DAY_MS);
}
