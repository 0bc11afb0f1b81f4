import { type TaskCatalogue, taskCatalogue } from '../orchestration/task/taskCatalogue.ts';
import type { OutboundClient } from '../platform/outbound.ts';
import type { ServerStore } from '../registry/serverStore.ts';
import { validateServerConfig } from './fastmcp-specialist/validateServerConfig.ts';
import { updateRegistry } from './mcp-orchestrator/updateRegistry.ts';

export interface SpecialistDeps {
  readonly outbound: OutboundClient;
  readonly servers: ServerStore;
}

/** Every task of every agent. */
export const specialistTasks = (deps: SpecialistDeps): TaskCatalogue =>
  taskCatalogue([validateServerConfig(deps), updateRegistry(deps)]);
