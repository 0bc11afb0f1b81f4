import { app } from '@azure/functions';
import { recordReport, REPORTS_QUEUE } from '../../shared/orchestration/engine/recordReport.ts';
import { runDelegation } from '../../shared/orchestration/engine/runDelegation.ts';
import { agentNames, agents } from '../../shared/orchestration/model/agents.ts';
import type { App } from '../../shared/platform/config/config.ts';
import type { AppDeps } from '../compose/deps.ts';

/** The app setting with the connection, for the triggers and for our own sender. */
const CONNECTION = 'MREG_SERVICE_BUS';

/**
 * Registers the agents whose home is this app, except external agents. Each has one queue and one function, which all run the
 * same way.
 */
export function registerAgents(home: App, deps: AppDeps): void {
  const own = agentNames.filter((name) => agents[name] === home && !deps.externalAgents.has(name));
  for (const agent of own) {
    app.serviceBusQueue(`agent-${agent}`, {
      queueName: agent,
      connection: CONNECTION,
      handler: async (message) => runDelegation(message, agent, await deps.tasks(), deps),
    });
  }
}

/** Registers the queue on which the workers of external agents report. */
export function registerReports(deps: AppDeps): void {
  app.serviceBusQueue(REPORTS_QUEUE, {
    queueName: REPORTS_QUEUE,
    connection: CONNECTION,
    handler: async (message) => recordReport(message, await deps.tasks(), deps),
  });
}
