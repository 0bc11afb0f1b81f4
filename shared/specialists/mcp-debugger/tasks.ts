import type { Task } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { authenticationFailures } from './authenticationFailures.ts';
import { databaseConnections } from './databaseConnections.ts';
import { diagnosticReport } from './diagnosticReport.ts';
import { dualServerTasks } from './bothApps.ts';
import { debuggerEvents } from './events.ts';
import { middlewareIssues } from './followTrace.ts';

/** What the mcp-debugger can do: it finds out where in the system something is wrong. */
export const debuggerTasks = (deps: SpecialistDeps): readonly Task[] => [
  ...dualServerTasks(deps),
  authenticationFailures(deps),
  middlewareIssues(deps),
  databaseConnections(deps),
  diagnosticReport(deps),
  ...debuggerEvents(deps),
];
