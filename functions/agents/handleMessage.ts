import type { Agent } from '../../shared/orchestration/agents.ts';
import { runDelegation } from '../../shared/orchestration/runDelegation.ts';
import { taskTables } from '../../shared/specialists/index.ts';
import type { AppDeps } from '../compose.ts';

/** Handles one message of an agent's queue. Returns when the message is done with, throws to have it delivered again. */
export type MessageHandler = (agent: Agent, message: unknown) => Promise<void>;

export function createMessageHandler(deps: AppDeps): MessageHandler {
  const tables = taskTables(deps);
  return (agent, message) => runDelegation(message, agent, tables.get(agent) ?? new Map(), deps);
}
