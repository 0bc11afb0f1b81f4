import topology from '../../../infra/topology.json' with { type: 'json' };
import type { App } from './config.ts';

/** What has to be there for the apps to work: the one list that every way to deploy them follows. */
export const tableNames: readonly string[] = topology.tables;

/** A queue, and the app that receives from it where no external agent does. */
export interface QueueHome {
  readonly name: string;
  readonly app: App;
}

const appOf = (name: string): App => (name === 'mcp' ? 'mcp' : 'management');

/** Those of the agents and the others. */
export const queues: readonly QueueHome[] = [...topology.agents, ...topology.queues].map(({ name, app }) => ({
  name,
  app: appOf(app),
}));

export const queueSettings = topology.queueSettings;
