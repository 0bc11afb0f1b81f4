import { app } from '@azure/functions';
import { agentNames, agents } from '../../shared/orchestration/agents.ts';
import type { App } from '../../shared/platform/config.ts';
import type { AppDeps } from '../compose.ts';

/** The app setting that names the connection, for the trigger as for our own sender. */
const connection = 'MREG_SERVICE_BUS';

/** Registers each agent whose home is this app: one queue, one function, one way to run them all. */
export function registerAgents(home: App, deps: AppDeps): void {
  const handle = lazily(() =>
    import('./handleMessage.ts').then(({ createMessageHandler }) => createMessageHandler(deps)),
  );
  for (const agent of agentNames.filter((name) => agents[name] === home)) {
    app.serviceBusQueue(`agent-${agent}`, {
      queueName: agent,
      connection,
      handler: async (message) => (await handle())(agent, message),
    });
  }
}

/** What the agents can do is imported with the first message, so that no cold start of an HTTP instance pays for it. */
function lazily<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => (loaded ??= load());
}
