import type { Task } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { oauthTasks } from './oauthDiscovery.ts';
import { pipelineTasks } from './pipelineTasks.ts';
import { structuredResponses } from './structuredResponses.ts';
import { typeCaching } from './typeCaching.ts';
import { validateServerConfig } from './validateServerConfig.ts';

/** The tasks of the fastmcp-specialist. They need what only the mcp app has: its pipeline, catalogue and caches. */
export const fastmcpTasks = (deps: SpecialistDeps): readonly Task[] => [
  validateServerConfig(deps),
  ...oauthTasks(deps),
  ...pipelineTasks(deps),
  structuredResponses(deps),
  typeCaching(deps),
];
