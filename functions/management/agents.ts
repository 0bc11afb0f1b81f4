import { z } from 'zod';
import { agentNames } from '../../shared/orchestration/agents.ts';
import type { Task } from '../../shared/orchestration/task/task.ts';
import { fail, succeed } from '../../shared/platform/result.ts';
import type { AppDeps } from '../compose.ts';
import type { Route } from '../http.ts';

/** The agents and what they can do. */
export function agentRoutes({ tasks }: Pick<AppDeps, 'tasks'>): readonly Route<unknown>[] {
  const listTasks: Route = {
    name: 'agents-tasks',
    method: 'GET',
    path: 'agents/{agent}/tasks',
    permission: 'agents.read',
    async handle({ params: { agent = '' } }) {
      const known = agentNames.find((name) => name === agent);
      if (known === undefined) return fail({ kind: 'not_found', message: `there is no agent "${agent}"` });
      return succeed({ status: 200, body: { items: (await tasks()).of(known).map(view) } });
    },
  };
  return [listTasks];
}

function view({ name, description, timeoutMs, planOnly, input, output }: Task) {
  return {
    name,
    description,
    timeoutMs,
    planOnly,
    inputSchema: z.toJSONSchema(input, { io: 'input' }),
    outputSchema: z.toJSONSchema(output),
  };
}
