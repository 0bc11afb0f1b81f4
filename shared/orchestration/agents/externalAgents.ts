import * as z from 'zod';
import { ConfigError } from '../../platform/config/config.ts';
import { type Agent, agentNames } from '../model/agents.ts';
import type { Task } from '../tasks/task.ts';
import type { TaskCatalogue } from '../tasks/taskCatalogue.ts';

/** Returns the agents whose work is done outside the apps. @throws ConfigError when a name is not an agent. */
export function externalAgentsOf(names: ReadonlySet<string>): ReadonlySet<Agent> {
  const known = agentNames.filter((agent) => names.has(agent));
  if (known.length === names.size) return new Set(known);
  throw new ConfigError(`MREG_EXTERNAL_AGENTS: must name agents, which are ${agentNames.join(', ')}`);
}

const taskName = /^[a-z][a-z0-9_]{0,99}$/;

/**
 * Returns a catalogue in which an external agent has every task. Its worker may know more tasks than the catalogue, and fails
 * a task that it does not know.
 */
export function withExternalAgents(catalogue: TaskCatalogue, external: ReadonlySet<Agent>): TaskCatalogue {
  return {
    of: (agent) => catalogue.of(agent),
    find(agent, name) {
      const known = catalogue.find(agent, name);
      if (!external.has(agent)) return known;
      if (known) return { ...known, external: true };
      return taskName.test(name) ? openTask(agent, name) : undefined;
    },
  };
}

const openTask = (agent: Agent, name: string): Task => ({
  name,
  agent,
  permissions: ['delegations.read'],
  description: '',
  timeoutMs: 0,
  planOnly: false,
  external: true,
  input: z.unknown(),
  output: z.unknown(),
  execute: () => Promise.reject(new Error(`the worker of ${agent} runs ${name}`)),
});
