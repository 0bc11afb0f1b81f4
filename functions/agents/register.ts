import { app } from '@azure/functions';
import { agentNames, agents } from '../../shared/orchestration/model/agents.ts';
import { runDelegation } from '../../shared/orchestration/engine/runDelegation.ts';
import type { App } from '../../shared/platform/config/config.ts';
import type { AppDeps } from '../compose/compose.ts';

/** The app setting that names the connection, for the trigger as for our own sender. */
export const CONNECTION = 'MREG_SERVICE_BUS';

/** Registers each agent whose home is this app and whose work is not done elsewhere: one queue, one function, one way to run them all. */
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
