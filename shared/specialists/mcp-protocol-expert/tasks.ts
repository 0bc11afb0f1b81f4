import type { Task } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { capabilityNegotiation } from './capabilityNegotiation.ts';
import { complianceReport } from './complianceReport.ts';
import { jsonRpcOptimization } from './jsonRpcOptimization.ts';
import { handleProtocolViolation } from './protocolViolation.ts';
import { specificationCompliance } from './complianceTasks.ts';
import { transportLayerTuning } from './transportTuning.ts';

/** What the mcp-protocol-expert can do: it looks at registered servers from outside, as a client does. */
export const protocolTasks = (deps: SpecialistDeps): readonly Task[] => [
  specificationCompliance(deps),
  jsonRpcOptimization(deps),
  transportLayerTuning(deps),
  capabilityNegotiation(deps),
  complianceReport(deps),
  handleProtocolViolation(deps),
];
