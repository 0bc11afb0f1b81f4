import type { Task } from '../../orchestration/task/task.ts';

/** What the mcp-debugger can do. */
export const debuggerTasks = (): readonly Task[] => [];
