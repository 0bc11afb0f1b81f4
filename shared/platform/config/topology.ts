import topology from '../../../infra/topology.json' with { type: 'json' };
import type { App } from './config.ts';

/** The tables that the apps need. Every way to deploy the apps follows this list. */
export const tableNames: readonly string[] = topology.tables;

/** A queue, and the app that receives from it. A queue of an external agent has another receiver. */
export interface QueueHome {
  readonly name: string;
  readonly app: App;
}

const appOf = (name: string): App => (name === 'mcp' ? 'mcp' : 'management');

/** The queues of the agents, and the queue of reports. */
export const queues: readonly QueueHome[] = [...topology.agents, ...topology.queues].map(({ name, app }) => ({
  name,
  app: appOf(app),
}));

export const queueSettings = topology.queueSettings;
