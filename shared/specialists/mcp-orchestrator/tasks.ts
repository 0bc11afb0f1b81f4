import type { Task } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import {
  rejectRegistration,
  removeServer,
  takeSlugOf,
  updateRegistry,
  updateServer,
} from './enterServers.ts';
import { handleDeploymentStatus } from './handleDeploymentStatus.ts';
import { registerServers } from './registerServers.ts';

/** What the orchestrator does itself: it enters into the registry what others have validated. */
export const orchestratorTasks = (deps: SpecialistDeps): readonly Task[] => [
  takeSlugOf(deps),
  updateRegistry(deps),
  rejectRegistration(deps),
  updateServer(deps),
  removeServer(deps),
  registerServers(deps),
  handleDeploymentStatus(deps),
];
