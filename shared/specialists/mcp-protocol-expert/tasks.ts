import type { Task } from '../../orchestration/task/task.ts';

/** What the mcp-protocol-expert can do. */
export const protocolTasks = (): readonly Task[] => [];
