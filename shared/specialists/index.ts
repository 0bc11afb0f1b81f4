import type { Agent } from '../orchestration/agents.ts';
import type { TaskTable } from '../orchestration/runDelegation.ts';
import type { OutboundClient } from '../platform/outbound.ts';
import type { ServerStore } from '../registry/serverStore.ts';
import { validateServerConfig } from './fastmcp-specialist/validateServerConfig.ts';
import { updateRegistry } from './mcp-orchestrator/updateRegistry.ts';

export interface SpecialistDeps {
  readonly outbound: OutboundClient;
  readonly servers: ServerStore;
}

/** What each agent can do. */
export function taskTables(deps: SpecialistDeps): ReadonlyMap<Agent, TaskTable> {
  const tables = new Map<Agent, Map<string, ReturnType<typeof validateServerConfig>>>();
  for (const task of [validateServerConfig(deps), updateRegistry(deps)]) {
    const table = tables.get(task.agent) ?? new Map<string, typeof task>();
    tables.set(task.agent, table.set(task.name, task));
  }
  return tables;
}
