import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { type Agent, agentNames } from '../model/agents.ts';
import { unknownName } from '../model/unknownName.ts';
import type { Task } from './task.ts';

/** The tasks of each agent. */
export interface TaskCatalogue {
  of(agent: Agent): readonly Task[];
  find(agent: Agent, name: string): Task | undefined;
}

/** Returns a catalogue of tasks. @throws when an agent has two tasks of one name. */
export function taskCatalogue(tasks: readonly Task[]): TaskCatalogue {
  const byAgent = new Map(agentNames.map((agent) => [agent, new Map<string, Task>()]));
  for (const task of tasks) {
    const own = byAgent.get(task.agent);
    if (own?.has(task.name)) throw new Error(`${task.agent} has two tasks named ${task.name}`);
    own?.set(task.name, task);
  }
  return {
    of: (agent) => [...(byAgent.get(agent)?.values() ?? [])],
    find: (agent, name) => byAgent.get(agent)?.get(name),
  };
}

/**
 * Returns a task that callers may delegate directly. Failures: `not_found`, with the nearest known name; `forbidden` for a task
 * that only named plans run.
 */
export function findOpenTask(agent: string, name: string, catalogue: TaskCatalogue): Result<Task> {
  const known = agentNames.find((candidate) => candidate === agent);
  if (known === undefined) return fail(unknownName('agent', agent, agentNames));
  const task = catalogue.find(known, name);
  if (!task) return fail(unknownName(`task of ${known}`, name, openTasks([known], catalogue)));
  if (!task.planOnly) return succeed(task);
  return fail({ kind: 'forbidden', message: `the task "${task.name}" runs as a step of a named plan only` });
}

/** Returns the names of the tasks that callers may delegate directly. */
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
