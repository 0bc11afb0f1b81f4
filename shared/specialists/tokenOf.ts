import type { TaskHelpers } from '../orchestration/tasks/task.ts';
import { withinTime } from './withTimeout.ts';

const WITHIN_MS = 2_500;

/** The token of the session; undefined too where the state that keeps it does not answer, which is a finding of whoever looks at that. */
export async function tokenOf({
  token,
  signal,
}: Pick<TaskHelpers, 'token' | 'signal'>): Promise<string | undefined> {
  const kept = await withinTime(WITHIN_MS, signal, () => token());
  return kept.ok ? kept.value : undefined;
}
