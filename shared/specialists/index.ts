import type { Audit } from '../audit/audit.ts';
import { type TaskCatalogue, taskCatalogue } from '../orchestration/task/taskCatalogue.ts';
import type { StateStore } from '../platform/stateStore.ts';
import type { EventRoutes } from '../orchestration/event/eventRoutes.ts';
import type { OutboundClient } from '../platform/outbound.ts';
import type { ServerStore } from '../registry/serverStore.ts';
import { probes } from './probe.ts';
import { eventRecorders } from './recordEvent.ts';
import { validateServerConfig } from './fastmcp-specialist/validateServerConfig.ts';
import { rejectRegistration, updateRegistry } from './mcp-orchestrator/updateRegistry.ts';
import { auditRegistration } from './mcp-security-auditor/auditRegistration.ts';
import { authenticateAdmin } from './mcp-security-auditor/authenticateAdmin.ts';

export interface SpecialistDeps {
  readonly outbound: OutboundClient;
  readonly servers: ServerStore;
  readonly audit: Audit;
  readonly state: StateStore;
  readonly eventRoutes: EventRoutes;
}

/** Every task of every agent. */
export const specialistTasks = (deps: SpecialistDeps): TaskCatalogue =>
  taskCatalogue([
    validateServerConfig(deps),
    updateRegistry(deps),
    rejectRegistration(deps),
    authenticateAdmin(),
    auditRegistration(deps),
    ...probes(deps),
    ...eventRecorders(deps.eventRoutes, deps.audit),
  ]);
