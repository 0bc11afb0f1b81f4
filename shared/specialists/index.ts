import type { Audit } from '../audit/audit.ts';
import { type TaskCatalogue, taskCatalogue } from '../orchestration/task/taskCatalogue.ts';
import type { RegistrationDeps } from '../orchestration/servers/registerServer.ts';
import type { OutboundClient } from '../platform/outbound.ts';
import type { PublishingDeps } from '../registry/publishRecord.ts';
import { probes } from './probe.ts';
import { eventRecorders } from './recordEvent.ts';
import { validateServerConfig } from './fastmcp-specialist/validateServerConfig.ts';
import {
  rejectRegistration,
  removeServer,
  updateRegistry,
  updateServer,
} from './mcp-orchestrator/enterServers.ts';
import { registerServers } from './mcp-orchestrator/registerServers.ts';
import { auditRegistration } from './mcp-security-auditor/auditRegistration.ts';
import { authenticateAdmin } from './mcp-security-auditor/authenticateAdmin.ts';

export interface SpecialistDeps extends RegistrationDeps, PublishingDeps {
  readonly outbound: OutboundClient;
  readonly audit: Audit;
}

/** Every task of every agent. */
export const specialistTasks = (deps: SpecialistDeps): TaskCatalogue =>
  taskCatalogue([
    validateServerConfig(deps),
    updateRegistry(deps),
    rejectRegistration(deps),
    updateServer(deps),
    removeServer(deps),
    registerServers(deps),
    authenticateAdmin(),
    auditRegistration(deps),
    ...probes({ state: deps.shortLived }),
    ...eventRecorders(deps.eventRoutes, deps.audit),
  ]);
