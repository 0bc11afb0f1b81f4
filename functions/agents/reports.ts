import { app } from '@azure/functions';
import { REPORTS_QUEUE, recordReport } from '../../shared/orchestration/engine/recordReport.ts';
import type { AppDeps } from '../compose/compose.ts';
import { CONNECTION } from './register.ts';

/** Hears the workers of external agents. */
export function registerReports(deps: AppDeps): void {
  app.serviceBusQueue(REPORTS_QUEUE, {
    queueName: REPORTS_QUEUE,
    connection: CONNECTION,
    handler: async (message) => recordReport(message, await deps.tasks(), deps),
  });
}
