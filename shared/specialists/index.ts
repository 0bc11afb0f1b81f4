import { type TaskCatalogue, taskCatalogue } from '../orchestration/tasks/taskCatalogue.ts';
import type { SpecialistDeps } from './deps.ts';
import { eventRecorders } from './eventHandlers.ts';
import { fastmcpTasks } from './fastmcp-specialist/tasks.ts';
import { debuggerTasks } from './mcp-debugger/tasks.ts';
import { deploymentTasks } from './mcp-deployment-specialist/tasks.ts';
import { orchestratorTasks } from './mcp-orchestrator/tasks.ts';
import { performanceTasks } from './mcp-performance-optimizer/tasks.ts';
import { protocolTasks } from './mcp-protocol-expert/tasks.ts';
import { auditorTasks } from './mcp-security-auditor/tasks.ts';
import { probes } from './probe.ts';

/** Returns every task of every agent. If an agent has no task for an event that is routed to it, it records the event. */
export function specialistTasks(deps: SpecialistDeps): TaskCatalogue {
  const own = [
    ...orchestratorTasks(deps),
    ...auditorTasks(deps),
    ...fastmcpTasks(deps),
    ...debuggerTasks(deps),
    ...deploymentTasks(deps),
    ...performanceTasks(deps),
    ...protocolTasks(deps),
    ...probes({ state: deps.shortLived }),
  ];
  const catalogue = taskCatalogue(own);
  const recorders = eventRecorders(deps.eventRoutes, deps.audit);
  return taskCatalogue([...own, ...recorders.filter(({ agent, name }) => !catalogue.find(agent, name))]);
}
