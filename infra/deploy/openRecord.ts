import type { DeploymentRecord } from './target.ts';

/** Longer than any step takes: after this time without a new step, the process of a deployment is dead. */
const STEP_WITHIN_MS = 60 * 60_000;

export type OpenRecord =
  /** No deployment runs, and every app runs a proven package or the first one. */
  | { readonly verdict: 'settled' }
  /** Another process deploys, or may still deploy. */
  | { readonly verdict: 'busy'; readonly message: string }
  /** A deployment ended in the middle, and left apps with an unproven package. */
  | { readonly verdict: 'left_open'; readonly message: string };

/** Decides what the record of the last deployment means for the next one. `self` is the process that asks. */
export function judgeRecord(
  record: DeploymentRecord | undefined,
  self: { readonly host: string; readonly isAlive: (pid: number) => boolean },
  now: Date,
): OpenRecord {
  if (!record) return { verdict: 'settled' };
  const { id, host, pid, step, outcome, updatedAt } = record;
  const where = `Deployment ${id} began the step ${step} at ${updatedAt} on ${host} (process ${pid})`;
  if (outcome === 'running') {
    // A process id is used again, and the clock of another machine may be ahead of this one.
    const isLate = Math.abs(now.getTime() - Date.parse(updatedAt)) > STEP_WITHIN_MS;
    const isOver = isLate || (host === self.host && !self.isAlive(pid));
    if (!isOver) {
      const until = new Date(Date.parse(updatedAt) + STEP_WITHIN_MS).toISOString();
      const hint =
        host === self.host
          ? `Wait for it, or end that process. If it is no deployment, try again after ${until}.`
          : `Wait for it. If that machine is lost, try again after ${until}.`;
      return { verdict: 'busy', message: `${where} and has not ended. ${hint}` };
    }
  }
  const isOpen = outcome === 'running' || outcome === 'rollback_failed';
  return isOpen
    ? { verdict: 'left_open', message: `${where}. It did not end, or could not roll back.` }
    : { verdict: 'settled' };
}
