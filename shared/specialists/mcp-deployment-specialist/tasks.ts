import type { Task } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { appRegistrationValidation } from './appRegistration.ts';
import { azureContainerDeployment } from './azureContainerDeployment.ts';
import { deploymentReport } from './deploymentReport.ts';
import { dockerOrchestration } from './dockerOrchestration.ts';
import { environmentConfiguration } from './environmentConfiguration.ts';
import { handleDeploymentStatus } from './handleDeploymentStatus.ts';
import { productionDeployment } from './productionDeployment.ts';

/** What the mcp-deployment-specialist can do: settings, what is deployed, what runs, the way to a deployment. */
export const deploymentTasks = (deps: SpecialistDeps): readonly Task[] => [
  environmentConfiguration(deps),
  dockerOrchestration(deps),
  azureContainerDeployment(deps),
  productionDeployment(deps),
  appRegistrationValidation(deps),
  deploymentReport(deps),
  handleDeploymentStatus(deps),
];
