import { azureTarget } from './azure/azureTarget.ts';
import { localTarget } from './local/localTarget.ts';
import { LOCAL, type TargetOptions } from './options.ts';
import type { DeploymentTarget } from './target.ts';

export const openTarget = (options: TargetOptions): DeploymentTarget =>
  options.environment === LOCAL ? localTarget(options) : azureTarget(options.environment);
