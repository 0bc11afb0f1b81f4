import { isPermitted } from '../../shared/identity/access/permissions.ts';
import type { AgentLoad } from '../../shared/orchestration/agents/loads.ts';
import { type Agent, agentNames, agents } from '../../shared/orchestration/model/agents.ts';
import { type Task, taskSchemas } from '../../shared/orchestration/tasks/task.ts';
import { fail, type Result, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Route } from '../http/route.ts';

/**
 * The agents and their tasks. The load is of all tenants for those who may read facts of the whole gateway, else of the caller's
 * own.
 */
export function agentRoutes({
  tasks,
  loads,
  clock,
  operatorTenant,
}: Pick<AppDeps, 'tasks' | 'loads' | 'clock' | 'operatorTenant'>): readonly Route<unknown>[] {
  const list: Route = {
    name: 'agents',
    method: 'GET',
    path: 'agents',
    permission: 'agents.read',
    async handle({ actor }) {
      const now = clock.now();
      const seesAll = isPermitted(actor, 'system.read', operatorTenant);
      const found = await loads(seesAll ? undefined : actor.tenantId);
      const items = [...found].map(([name, load]) => ({
        name,
        app: agents[name],
        status: statusOf(load, now),
        load: pick(load),
        lastSeenAt: load.lastSeenAt,
      }));
      return succeed({ status: 200, body: { items } });
    },
  };

  const listTasks: Route = {
    name: 'agents-tasks',
    method: 'GET',
    path: 'agents/{agent}/tasks',
    permission: 'agents.read',
    async handle({ params: { agent = '' } }) {
      const known = knownAgent(agent);
      if (!known.ok) return known;
      return succeed({ status: 200, body: { items: (await tasks()).of(known.value).map(view) } });
    },
  };
  return [list, listTasks];
}

/** An agent is stalled when delegations wait and no instance reports on it this long: its app or its external worker is down. */
const STALLED_AFTER_MS = 120_000;

function statusOf({ queued, running, lastSeenAt }: AgentLoad, now: Date): 'active' | 'stalled' {
  const silentMs = now.getTime() - (lastSeenAt === undefined ? 0 : Date.parse(lastSeenAt));
  return queued > 0 && running === 0 && silentMs > STALLED_AFTER_MS ? 'stalled' : 'active';
}

const pick = ({ running, queued, perMinute, failureRate }: AgentLoad) => ({
  running,
  queued,
  perMinute,
  failureRate,
});

/** Returns the agent of a name. Failure: `not_found`. */
export function knownAgent(name: string): Result<Agent> {
  const known = agentNames.find((agent) => agent === name);
  return known === undefined
    ? fail({ kind: 'not_found', message: `there is no agent "${name}"` })
    : succeed(known);
}

function view(task: Task) {
  const { name, description, permissions, timeoutMs, planOnly } = task;
  const { input, output } = taskSchemas(task);
  return {
    name,
    description,
    permissions,
    timeoutMs,
    planOnly,
    inputSchema: input,
    outputSchema: output,
  };
}
