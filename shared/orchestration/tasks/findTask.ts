import { type Result, fail, succeed } from '../../platform/base/result.ts';
import { type Agent, agentNames } from '../model/agents.ts';
import { unknownName } from '../model/unknownName.ts';
import type { Task } from './task.ts';
import type { TaskCatalogue } from './taskCatalogue.ts';

/**
 * A task that may be asked for by itself. Failures: `not_found`, with the nearest name that is known; `forbidden` for a task
 * that runs as a step of a named plan only.
 */
export function findOpenTask(agent: string, name: string, catalogue: TaskCatalogue): Result<Task> {
  const known = agentNames.find((candidate) => candidate === agent);
  if (known === undefined) return fail(unknownName('agent', agent, agentNames));
  const task = catalogue.find(known, name);
  if (!task) return fail(unknownName(`task of ${known}`, name, openTasks([known], catalogue)));
  if (!task.planOnly) return succeed(task);
  return fail({ kind: 'forbidden', message: `the task "${task.name}" runs as a step of a named plan only` });
}

/** Names of the tasks that may be asked for by themselves. */
export const openTasks = (agents: readonly Agent[], catalogue: TaskCatalogue): readonly string[] => [
  ...new Set(
    agents.flatMap((agent) =>
      catalogue
        .of(agent)
        .filter(({ planOnly }) => !planOnly)
        .map(({ name }) => name),
    ),
  ),
];
