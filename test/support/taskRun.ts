import type { Task, TaskHelpers } from '../../shared/orchestration/tasks/task.ts';
import type { Outcome } from '../../shared/orchestration/model/outcome.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { randomId } from '../../shared/platform/base/ids.ts';

export const taskTenant = '11111111-1111-4111-8111-111111111111';

/** What a task is given beside its input, without a session. */
export function taskHelpers(timeoutMs: number, more: Partial<TaskHelpers> = {}): TaskHelpers {
  return {
    tenantId: taskTenant,
    delegationId: randomId(),
    traceId: 'a'.repeat(32),
    signal: AbortSignal.timeout(timeoutMs),
    deadline: new Date(Date.now() + timeoutMs),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    clock: systemClock,
    actor: undefined,
    token: () => Promise.resolve(undefined),
    progress: () => undefined,
    ...more,
  };
}

/** Runs one of the tasks by itself, with its own timeout, as an agent does. */
export function runTask(
  tasks: readonly Task[],
  name: string,
  input: unknown = {},
  more: Partial<TaskHelpers> = {},
): Promise<Outcome> {
  const task = tasks.find((known) => known.name === name);
  if (!task) throw new Error(`there is no task ${name}`);
  return task.execute(input, taskHelpers(task.timeoutMs, more));
}
