import type { Task } from '../../orchestration/task/task.ts';

/** What the mcp-performance-optimizer can do. */
export const performanceTasks = (): readonly Task[] => [];
