import { agents } from '../../shared/orchestration/agents.ts';
import { outcomesOf } from '../../shared/orchestration/plan/deliverSteps.ts';
import type { OrchestrationDeps } from '../../shared/orchestration/deps.ts';
import { type Plan, delegationIdOf } from '../../shared/orchestration/plan/plan.ts';
import type { Outcome } from '../../shared/orchestration/delegation/outcome.ts';
import { succeed } from '../../shared/platform/result.ts';
import type { Route } from '../http.ts';
import { delegationHref } from './delegations.ts';
import { readById } from './wait.ts';

export const planHref = (id: string): string => `/plans/${id}`;

type PlanDeps = Pick<OrchestrationDeps, 'plans' | 'delegations'>;

/** Plans of the caller's tenant. */
export function planRoutes(deps: PlanDeps): readonly Route<unknown>[] {
  const get: Route = {
    name: 'plans-get',
    method: 'GET',
    path: 'plans/{id}',
    permission: 'plans.read',
    async handle(call) {
      const found = await readById(
        call,
        'plan',
        (tenantId, id) => deps.plans.find(tenantId, id),
        ({ state }) => state !== 'running',
      );
      if (!found.ok) return found;
      const outcomes = await outcomesOf(found.value, new Set(found.value.steps.map(({ id }) => id)), deps);
      return succeed({ status: 200, body: view(found.value, outcomes) });
    },
  };
  return [get];
}

function view(plan: Plan, outcomes: ReadonlyMap<string, Outcome>) {
  const { id, name, state, steps, createdAt, finishedAt } = plan;
  return {
    id,
    name,
    state,
    steps: steps.map((step) => {
      const delegationId = delegationIdOf(plan, step);
      const outcome = outcomes.get(step.id);
      const delegated = step.state !== 'waiting' && step.state !== 'skipped';
      return {
        id: step.id,
        app: agents[step.agent],
        agent: step.agent,
        task: step.task,
        state: step.state,
        dependsOn: step.dependsOn,
        result: outcome?.success ? outcome.result : undefined,
        error: step.error,
        delegation: delegated ? { id: delegationId, href: delegationHref(delegationId) } : undefined,
      };
    }),
    createdAt,
    finishedAt,
  };
}
