import { type Agent, agentNames } from '../model/agents.ts';
import type { Task } from './task.ts';

/** What each agent can do. */
export interface TaskCatalogue {
  of(agent: Agent): readonly Task[];
  find(agent: Agent, name: string): Task | undefined;
}

/** @throws when an agent has two tasks of one name */
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
