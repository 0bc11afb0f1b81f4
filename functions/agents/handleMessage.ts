import { runDelegation } from '../../shared/orchestration/runDelegation.ts';
import { taskTables } from '../../shared/specialists/index.ts';
import type { AppDeps } from '../compose.ts';
import type { MessageHandler } from './register.ts';

export function createMessageHandler(deps: AppDeps): MessageHandler {
  const tables = taskTables(deps);
  return (agent, message) => runDelegation(message, agent, tables.get(agent) ?? new Map(), deps);
}
