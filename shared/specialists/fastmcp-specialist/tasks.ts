import type { Task } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { oauthTasks } from './oauthTasks.ts';
import { pipelineTasks } from './pipelineTasks.ts';
import { structuredResponses } from './structuredResponses.ts';
import { typeCaching } from './typeCaching.ts';
import { validateServerConfig } from './validateServerConfig.ts';

/** What the fastmcp-specialist can do: it works on what only the mcp app sees. */
export const fastmcpTasks = (deps: SpecialistDeps): readonly Task[] => [
  validateServerConfig(deps),
  ...oauthTasks(deps),
  ...pipelineTasks(deps),
  structuredResponses(deps),
  typeCaching(deps),
];
