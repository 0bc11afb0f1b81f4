import type { Task } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { capabilityNegotiation } from './capabilityNegotiation.ts';
import { complianceReport, handleProtocolViolation, specificationCompliance } from './complianceTasks.ts';
import { jsonRpcOptimization } from './jsonRpcOptimization.ts';
import { transportLayerTuning } from './transportTuning.ts';

/** The tasks of the mcp-protocol-expert. It calls registered servers from outside, as a client does. */
export const protocolTasks = (deps: SpecialistDeps): readonly Task[] => [
  specificationCompliance(deps),
  jsonRpcOptimization(deps),
  transportLayerTuning(deps),
  capabilityNegotiation(deps),
  complianceReport(deps),
  handleProtocolViolation(deps),
];
