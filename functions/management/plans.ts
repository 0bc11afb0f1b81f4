import { agents } from '../../shared/orchestration/agents.ts';
import { type Plan, delegationIdOf } from '../../shared/orchestration/plan.ts';
import type { PlanStore } from '../../shared/orchestration/stores.ts';
import { fail, succeed } from '../../shared/platform/result.ts';
import type { Route } from '../http.ts';
import { delegationHref } from './delegations.ts';
import { readUntil, waitSeconds } from './wait.ts';

export const planHref = (id: string): string => `/plans/${id}`;

/** Plans of the caller's tenant. */
export function planRoutes({ plans }: { readonly plans: PlanStore }): readonly Route<unknown>[] {
  const get: Route = {
    name: 'plans-get',
    method: 'GET',
    path: 'plans/{id}',
    permission: 'plans.read',
    async handle({ principal, params: { id = '' }, query, signal }) {
      const wait = waitSeconds(query);
      if (!wait.ok) return wait;
      const read = async () => (await plans.find(principal.tenantId, id))?.value;
      const plan = await readUntil(read, (found) => found?.state !== 'running', wait.value, signal);
      if (!plan) return fail({ kind: 'not_found', message: `there is no plan "${id}"` });
      return succeed({ status: 200, body: view(plan) });
    },
  };
  return [get];
}

function view(plan: Plan) {
  const { id, name, state, steps, createdAt, finishedAt } = plan;
  return {
    id,
    name,
    state,
    steps: steps.map((step) => {
      const delegationId = delegationIdOf(plan, step);
      const delegated = step.state !== 'waiting' && step.state !== 'skipped';
      return {
        id: step.id,
        app: agents[step.agent],
        agent: step.agent,
        task: step.task,
        state: step.state,
        dependsOn: step.dependsOn,
        result: step.outcome?.success ? step.outcome.result : undefined,
        error: step.outcome?.success === false ? step.outcome.error : undefined,
        delegation: delegated ? { id: delegationId, href: delegationHref(delegationId) } : undefined,
      };
    }),
    createdAt,
    finishedAt,
  };
}
