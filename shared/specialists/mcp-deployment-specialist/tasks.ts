import type { Task } from '../../orchestration/task/task.ts';

/** What the mcp-deployment-specialist can do. */
export const deploymentTasks = (): readonly Task[] => [];
