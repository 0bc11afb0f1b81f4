import { HEALTH_PLAN } from './plan/namedPlans.ts';

const DAY_MS = 24 * 60 * 60_000;

/** Long enough to look into what went wrong last week, and to compare a month's reports. */
const KEPT_DAYS = 30;
/** The system looks at itself every five minutes, and each look is worth something until the next one. */
const LOOKS_KEPT_DAYS = 1;

/** When a plan or delegation that has ended may be removed; undefined before it has. */
export function expiryOf({
  name,
  finishedAt,
}: {
  readonly name?: string;
  readonly finishedAt?: string | undefined;
}): Date | undefined {
  if (finishedAt === undefined) return undefined;
  const days = name === HEALTH_PLAN ? LOOKS_KEPT_DAYS : KEPT_DAYS;
  return new Date(Date.parse(finishedAt) + days * DAY_MS);
}
