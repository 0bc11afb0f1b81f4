/** A process that dies this often within this time is not started again. */
const MAX_DEATHS = 5;
const WITHIN_MS = 60_000;

export interface AfterDeath {
  /** `give_up` after five deaths within a minute. */
  readonly verdict: 'restart' | 'give_up';
  /** Times of the deaths that count at the next death, in milliseconds. */
  readonly deaths: readonly number[];
}

/** Decides what becomes of a process that has died `now`, after the earlier `deaths`. */
export function afterDeath(deaths: readonly number[], now: number): AfterDeath {
  const recent = [...deaths.filter((at) => now - at < WITHIN_MS), now];
  return { verdict: recent.length < MAX_DEATHS ? 'restart' : 'give_up', deaths: recent };
}
