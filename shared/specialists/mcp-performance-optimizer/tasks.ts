import type { Task } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { databaseTasks } from './databaseTasks.ts';
import { handlePerformanceDegradation } from './degradation.ts';
import { generatePerformanceReport } from './performanceReport.ts';
import { middlewarePerformance } from './pipelineTasks.ts';
import { redisTasks } from './redisTasks.ts';
import { oauthTokenPerformance } from './tokenTasks.ts';

/** What the mcp-performance-optimizer can do: it measures, and says what to change by what it measured. */
export const performanceTasks = (deps: SpecialistDeps): readonly Task[] => [
  ...databaseTasks(deps),
  ...redisTasks(deps),
  oauthTokenPerformance(deps),
  middlewarePerformance(deps),
  generatePerformanceReport(deps),
  handlePerformanceDegradation(deps),
];
